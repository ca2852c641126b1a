"""Stop at the first number that is NaN or infinite, and say where it came from.

A sum is finite only if all its terms are, so the usual check is one sum; only when it fails are the
numbers looked at one by one (huge finite numbers may overflow a sum).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.errors import TrainingError

Place = Callable[[int], str]
"""Says of an environment where in its data it stands; empty where nobody knows."""


def nowhere(_env: int) -> str:
    """Say nothing: environments of others do not tell where in their data they are."""
    return ""


def check_observations(observations: Any, *, n_timesteps: int, place: Place = nowhere) -> None:
    """Refuse a non-finite observation before the policy sees it.

    Args:
        observations: `(n_envs, ...)`, or a dictionary of such arrays.
        n_timesteps: Env steps taken so far.
        place: Where in its data an environment stands.

    Raises:
        TrainingError: Naming step, environment, its place and the column.
    """
    if not isinstance(observations, dict):
        _check(observations, "Observations", n_timesteps=n_timesteps, place=place)
        return
    for name, array in observations.items():
        _check(array, f"Observations of {name!r}", n_timesteps=n_timesteps, place=place)


def check_last_observation(observation: Any, env: int, *, n_timesteps: int) -> None:
    """Refuse a non-finite last observation of a cut episode, whose value is bootstrapped from.

    Raises:
        TrainingError: Naming step, environment and column.
    """
    parts = observation.values() if isinstance(observation, dict) else [observation]
    for part in parts:
        _check(np.asarray(part)[None], "Last observations", n_timesteps=n_timesteps, first_env=env)


def check_rewards(rewards: NDArray[Any], *, n_timesteps: int, place: Place = nowhere) -> None:
    """Refuse a non-finite reward.

    Raises:
        TrainingError: Naming step, environment and its place.
    """
    _check(rewards, "Rewards", n_timesteps=n_timesteps, place=place)


def check_rollout(
    observations: Any, rewards: torch.Tensor, bootstrapped: torch.Tensor, *, n_timesteps: int
) -> None:
    """Refuse a rollout, played on a device, that holds a number which is not finite.

    Args:
        observations: `(n_steps + 1, n_envs, n_columns)`, those after the last step included.
        rewards: `(n_steps, n_envs)`.
        bootstrapped: The same with what the critic says of where episodes were cut.
        n_timesteps: Env steps taken at its end.

    Raises:
        TrainingError: Naming env step and environment.
    """
    n_steps, n_envs = rewards.shape
    begin_timesteps = n_timesteps - n_steps * n_envs
    for tensor, what, first_step in (
        (observations, "Observations", 0),
        (rewards, "Rewards", 1),
        (bootstrapped, "Values of the last observations of episodes", 1),
    ):
        if bool(torch.isfinite(tensor.sum())):
            continue
        for step, row in enumerate(tensor.cpu().numpy(), start=first_step):
            _check(row, what, n_timesteps=begin_timesteps + step * n_envs)


def check_gradients(
    norm: torch.Tensor, named: Iterable[tuple[str, torch.nn.Parameter]], *, n_timesteps: int
) -> None:
    """Refuse non-finite gradients before the optimizer takes a step with them.

    Args:
        norm: Their norm over all parameters.
        named: The parameters, looked at only if the norm is not finite.
        n_timesteps: Env steps taken so far.

    Raises:
        TrainingError: Naming the first parameter whose gradient is not finite.
    """
    if bool(torch.isfinite(norm)):
        return
    bad = [name for name, p in named if p.grad is not None and not p.grad.isfinite().all()]
    raise TrainingError(
        "Gradients must be finite",
        came=f"a gradient norm of {float(norm)}",
        where=f"update after env step {n_timesteps}" + (f", parameter {bad[0]}" if bad else ""),
        mend="lower the learning rate or the size of rewards; the weights are as before this step",
    )


def _check(
    array: NDArray[Any],
    what: str,
    *,
    n_timesteps: int,
    place: Place = nowhere,
    first_env: int = 0,
) -> None:
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):
            return
    bad = np.argwhere(~np.isfinite(array))
    if not len(bad):
        return
    env, *column = (int(index) for index in bad[0])
    where = f"env step {n_timesteps}, env {first_env + env}{place(env)}"
    raise TrainingError(
        f"{what} must be finite",
        came=f"{array[tuple(bad[0])]}",
        where=where + (f", column {', '.join(map(str, column))}" if column else ""),
        mend="look for missing or extreme values in the data that this environment plays",
    )
