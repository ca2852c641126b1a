"""What each action asks for, from each position, and which ones the mask allows."""

import numpy as np
import pytest

from envs.actions import MODES, action_mode
from envs.errors import UnknownNameError
from envs.market import scalar

POSITIONS = np.array([-1.0, 0.0, 1.0])


def decode(mode, action):
    return MODES[mode].decode(np, np.full(3, action), POSITIONS)


@pytest.mark.parametrize(
    ("action", "target", "invalid"),
    [
        (0, [-1, 0, 1], [False, False, False]),
        (1, [-1, 1, 1], [True, False, True]),
        (2, [-1, -1, 1], [True, False, True]),
        (3, [0, 0, 0], [False, True, False]),
    ],
    ids=["hold", "buy", "sell", "close"],
)
def test_orders_that_cannot_apply_change_nothing_and_are_flagged(action, target, invalid):
    request = decode("orders", action)
    assert request.target.tolist() == target
    assert request.invalid.tolist() == invalid


@pytest.mark.parametrize(("action", "target"), [(0, -1), (1, 0), (2, 1)])
def test_targets_apply_from_every_position(action, target):
    request = decode("target", action)
    assert request.target.tolist() == [target] * 3
    assert not request.invalid.any()


@pytest.mark.parametrize("mode", MODES)
def test_the_mask_allows_exactly_the_actions_that_are_not_flagged(mode):
    for position in POSITIONS.tolist():
        allowed = MODES[mode].allowed(position)
        for action in range(len(MODES[mode].labels)):
            request = MODES[mode].decode(scalar, action, position)
            assert bool(allowed[action]) is not request.invalid


def test_an_unknown_mode_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'orders'"):
        action_mode("order")
