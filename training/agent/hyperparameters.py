"""Change an agent's hyperparameters while it learns, and read back what it really uses.

The values come from a schedule (`training.rules.schedules`); this is the one place that applies
them. PPO copies the learning rate from its schedule into the optimizer at every update, so both
have to change, and so does the clip range's schedule.
"""

from __future__ import annotations

from sb3_contrib import RecurrentPPO
from stable_baselines3.common.utils import FloatSchedule, update_learning_rate

from training.rules.schedules import Hyperparameters


def apply_hyperparameters(agent: RecurrentPPO, values: Hyperparameters) -> None:
    """Make the next update of `agent` use `values`; in force until the next call.

    Args:
        agent: Between two updates (for instance in a rollout callback).
        values: Learning rate, epochs, entropy weight and clip range.
    """
    agent.learning_rate = values.learning_rate
    agent.lr_schedule = FloatSchedule(values.learning_rate)
    update_learning_rate(agent.policy.optimizer, values.learning_rate)
    agent.n_epochs = values.n_epochs
    agent.ent_coef = values.ent_coef
    agent.clip_range = FloatSchedule(values.clip_range)


def read_hyperparameters(agent: RecurrentPPO) -> Hyperparameters:
    """Read the values in force: the learning rate from the optimizer, the clip range PPO will use.

    Returns:
        What the last update ran with, or, after `apply_hyperparameters`, what the next one will.
    """
    rates = {float(group["lr"]) for group in agent.policy.optimizer.param_groups}
    assert len(rates) == 1, "the policy has one learning rate for all its parameters"
    assert callable(agent.clip_range), "stable-baselines3 makes it a schedule when it builds"
    progress = agent._current_progress_remaining  # what PPO.train passes
    return Hyperparameters(
        learning_rate=rates.pop(),
        n_epochs=agent.n_epochs,
        ent_coef=agent.ent_coef,
        clip_range=agent.clip_range(progress),
    )
