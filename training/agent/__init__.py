"""The learner: its settings, networks, hyperparameters in flight, and its saved form.

Start reading at `training.agent.build`. Scoring an agent is `training.evaluate`; what to train on
and for how long is decided in `training.rules`.
"""
