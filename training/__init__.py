"""Learning: folds, rules, agents, evaluation and the walk-forward loop.

Draws nothing and prints nothing: it emits events (`training.events`). Start reading at
`training.walk_forward`.
"""
