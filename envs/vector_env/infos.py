"""What gymnasium wants to be told of a step besides the step.

Not here: the step (`envs.vector_env.env`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from envs.market.account import Array
from envs.vector_env.world import World, WorldState


def running_infos(
    world: World, state: WorldState, flags: tuple[Array, Array, Array]
) -> dict[str, Any]:
    """Describe a state in arrays of its own, with gymnasium's masks.

    Args:
        world: What is played.
        state: Where the environments stand.
        flags: Which actions were void, orders refused, margin calls made; handed on as they are.
    """
    account, xp = state.account, world.xp
    invalid, refused, margin_call = flags
    values = {
        "action_mask": _action_mask(world, account.direction),
        "bar_index": xp.asarray(state.bar, copy=True),  # a caller may write into it
        "equity": xp.asarray(account.equity, copy=True),
        "balance": xp.asarray(account.balance, copy=True),
        "position": xp.asarray(account.direction, copy=True),
        "invalid_action": invalid,
        "refused": refused,
        "margin_call": margin_call,
    }
    everywhere = _everywhere(len(state.bar))
    return values | {f"_{name}": everywhere for name in values}


def final_infos(
    done: NDArray[np.bool_], observations: Array, infos: dict[str, Any]
) -> dict[str, Any]:
    """Put last observations and infos into gymnasium's form: masked, zero elsewhere."""
    xp = array_api_compat.array_namespace(observations)
    rows_host = np.flatnonzero(done)
    rows = xp.asarray(rows_host, device=array_api_compat.device(observations))
    last = np.full(len(done), None, dtype=object)
    for row, observation in zip(rows_host, observations[rows], strict=True):
        last[row] = observation
    info: dict[str, Any] = {}
    for name in [name for name in infos if not name.startswith("_")]:
        info[name] = xp.zeros_like(infos[name])
        info[name][rows] = infos[name][rows]
        info[f"_{name}"] = done
    return {"final_obs": last, "_final_obs": done, "final_info": info, "_final_info": done}


def host(array: Array) -> NDArray[Any]:
    """Bring an array to the host."""
    return np.asarray(array.cpu() if hasattr(array, "cpu") else array)


@lru_cache(maxsize=8)
def _everywhere(n_envs: int) -> NDArray[np.bool_]:
    """Make the one array that is every mask of every step."""
    mask = np.ones(n_envs, np.bool_)
    mask.flags.writeable = False
    return mask


def _action_mask(world: World, direction: Array) -> Array:
    allowed, xp = world.mode.allowed(direction), world.xp
    shape = (len(direction), len(allowed))
    mask = xp.empty(shape, dtype=xp.int8, device=array_api_compat.device(direction))
    for column, values in enumerate(allowed):
        mask[:, column] = values
    return mask
