"""Gymnasium's registry: `walkfast/Trading-v0` for `gymnasium.make` and `gymnasium.make_vec`.

`import envs.registration` registers it; `gymnasium.make("envs.registration:walkfast/Trading-v0")`
does both at once.
Nothing heavy is imported until an environment is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gymnasium

if TYPE_CHECKING:
    from envs.config import EnvConfig
    from envs.market import Tape
    from envs.trading_env import TradingEnv
    from envs.vector_env import TradingVectorEnv

ENV_ID = "walkfast/Trading-v0"


def register_walkfast() -> None:
    """Register `walkfast/Trading-v0`; doing so again changes nothing."""
    if ENV_ID not in gymnasium.registry:
        gymnasium.register(
            id=ENV_ID,
            entry_point="envs.registration:make_trading_env",
            vector_entry_point="envs.registration:make_trading_vector_env",
        )


def make_trading_env(
    tape: Tape | None = None,
    config: EnvConfig | None = None,
    *,
    start: int | None = None,
    stop: int | None = None,
    random_starts: bool = False,
    record: bool = False,
) -> TradingEnv:
    """Make a `TradingEnv`.

    Args:
        tape: What is traded; None takes the embedded sample market with the default features.
        config: How; None takes the defaults.
        start: First bar of a decision; None is 0, or with the sample its first usable row.
        stop: One past the last bar of a decision; None is the last bar of the tape.
        random_starts: Draw training episodes instead of walking the slice once.
        record: Keep a ledger and the path of equity.
    """
    from envs.trading_env import TradingEnv  # noqa: PLC0415  # registering must stay cheap

    tape, config, start = _filled_in(tape, config, start)
    return TradingEnv(
        tape, config, start=start, stop=stop, random_starts=random_starts, record=record
    )


def make_trading_vector_env(
    num_envs: int,
    tape: Tape | None = None,
    config: EnvConfig | None = None,
    *,
    start: int | None = None,
    stop: int | None = None,
    random_starts: bool = True,
    record: bool = False,
) -> TradingVectorEnv:
    """Make a `TradingVectorEnv` of `num_envs` accounts; the rest as in `make_trading_env`."""
    from envs.vector_env import TradingVectorEnv  # noqa: PLC0415  # registering must stay cheap

    tape, config, start = _filled_in(tape, config, start)
    return TradingVectorEnv(
        tape,
        config,
        n_envs=num_envs,
        start=start,
        stop=stop,
        random_starts=random_starts,
        record=record,
    )


def _filled_in(
    tape: Tape | None, config: EnvConfig | None, start: int | None
) -> tuple[Tape, EnvConfig, int]:
    from envs.config import EnvConfig  # noqa: PLC0415  # registering must stay cheap

    config = EnvConfig() if config is None else config
    if tape is not None:
        return tape, config, start or 0
    sample, first_bar = _sample_tape(config)
    return sample, config, first_bar if start is None else start


def _sample_tape(config: EnvConfig) -> tuple[Tape, int]:
    """Build the tape of the embedded sample and tell its first usable row."""
    from envs.features import FeatureConfig, build_features  # noqa: PLC0415  # registering must stay cheap
    from envs.market import make_tape  # noqa: PLC0415  # the same
    from envs.synthetic import sample_bars  # noqa: PLC0415  # the same

    bars = sample_bars()
    features = build_features(bars, FeatureConfig())
    return make_tape(bars, features, config.market), features.warmup_bars


register_walkfast()
