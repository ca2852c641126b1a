"""Action modes: what a number asks the market for.

- `target`: Discrete(3) short, flat, long. A reversal closes and opens at the same open.
- `orders`: Discrete(4) hold, buy, sell, close. Buying or selling applies only when flat, closing
  only when a position is open; anything else is a no-op that is flagged as invalid. So a reversal
  takes two steps.

Not here: fills (`envs.market`). Read next: `envs.rewards`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from envs.errors import UnknownNameError
from envs.market.account import Array, Namespace

HOLD, BUY, SELL, CLOSE = range(4)
SHORT, FLAT, LONG = range(3)


class Request(NamedTuple):
    """What the actions ask for.

    Attributes:
        target: `(n_envs,) float64` position asked for: -1.0, 0.0 or 1.0.
        invalid: `(n_envs,) bool` the action could not apply and does nothing.
    """

    target: Array
    invalid: Array


@dataclass(frozen=True, kw_only=True)
class ActionMode:
    """One way to read actions.

    Attributes:
        name: Its name in `EnvConfig.action_mode`.
        labels: The actions in order.
        decode: `(xp, actions, direction) -> Request`.
        allowed: `(held) -> one bool array a label`, which actions apply; a Python bool stands for
            all environments.
    """

    name: str
    labels: tuple[str, ...]
    decode: Callable[[Namespace, Array, Array], Request]
    allowed: Callable[[Array], tuple[Array, ...]]


def decode_targets(xp: Namespace, actions: Array, direction: Array) -> Request:
    """Read short, flat, long; every action applies."""
    target = xp.astype(actions, xp.float64) - float(FLAT)
    return Request(target, actions < 0)  # none is: the env has checked them


def decode_orders(xp: Namespace, actions: Array, direction: Array) -> Request:
    """Read hold, buy, sell, close against the position that is open."""
    is_flat = direction == 0
    opens = (actions == BUY) | (actions == SELL)
    closes = actions == CLOSE
    side = 3.0 - 2.0 * xp.astype(actions, xp.float64)  # BUY -> 1, SELL -> -1
    target = xp.where(opens & is_flat, side, direction)
    invalid = (opens & (direction != 0)) | (closes & is_flat)
    return Request(xp.where(closes, 0.0, target), invalid)


MODES = {
    mode.name: mode
    for mode in (
        ActionMode(
            name="target",
            labels=("short", "flat", "long"),
            decode=decode_targets,
            allowed=lambda held: (True, True, True),
        ),
        ActionMode(
            name="orders",
            labels=("hold", "buy", "sell", "close"),
            decode=decode_orders,
            allowed=lambda held: (True, held == 0, held == 0, held != 0),
        ),
    )
}


def action_mode(name: str) -> ActionMode:
    """Look up an action mode.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in MODES:
        raise UnknownNameError.of("action mode", name, MODES)
    return MODES[name]
