"""Settings of an environment that are refused, and those that are not."""

import pytest

from envs.config import EnvConfig
from envs.errors import ConfigError, UnknownNameError


def test_defaults_stand():
    config = EnvConfig()
    assert (config.action_mode, config.reward) == ("target", "log_equity")
    assert config.episode_bars is None


@pytest.mark.parametrize("setting", [{"action_mode": "targets"}, {"reward": "log"}])
def test_unknown_names_are_refused(setting):
    with pytest.raises(UnknownNameError):
        EnvConfig(**setting)


@pytest.mark.parametrize(
    "setting",
    [
        {"episode_bars": 0},
        {"reward_window_bars": 0.5},
        {"bars_held_scale_bars": 0.0},
        {"bars_held_scale_bars": float("nan")},
        {"reward_window_bars": float("inf")},
    ],
)
def test_numbers_out_of_range_are_refused(setting):
    with pytest.raises(ConfigError, match="at least"):
        EnvConfig(**setting)
