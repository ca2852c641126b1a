"""A small random market and small agents on it, for tests of learning."""

import numpy as np
from sb3_contrib import RecurrentPPO

from envs.bars import Bars
from envs.config import EnvConfig
from envs.market import Tape, make_tape
from envs.timeframe import Timeframe
from envs.vector_env import TradingVectorEnv
from training.agent.build import build_agent
from training.agent.config import AgentConfig
from training.agent.vec_env import SB3TradingVecEnv

N_FEATURES = 3
SMALL_AGENT = AgentConfig(
    lstm_hidden_size=8, net_arch=(6,), n_envs=2, n_steps=16, batch_size=16, n_epochs=2
)


def small_bars(n_bars: int = 200, *, seed: int = 0, move: float = 5e-3) -> Bars:
    """A random walk around 100 with hourly bars and a spread of two cents."""
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, move, n_bars)))
    opened = np.concatenate([close[:1], close[:-1]])
    return Bars(
        symbol="SMALL",
        timeframe=Timeframe.parse("1h"),
        point_size=0.01,
        time_us=np.arange(n_bars, dtype=np.int64) * 3_600_000_000,
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=np.ones(n_bars),
        spread_points=np.full(n_bars, 2.0),
    )


def small_tape(n_bars: int = 200, *, seed: int = 0, move: float = 5e-3) -> Tape:
    """The same bars with random features, which decide nothing."""
    features = np.random.default_rng(seed + 1).normal(size=(n_bars, N_FEATURES))
    bars = small_bars(n_bars, seed=seed, move=move)
    return make_tape(bars, features.astype(np.float32), EnvConfig().market)


def small_env(tape: Tape, *, n_envs: int = 2, **settings: object) -> SB3TradingVecEnv:
    """Random episodes of 20 bars, in the form that an agent takes."""
    config = EnvConfig(episode_bars=20, **settings)
    return SB3TradingVecEnv(TradingVectorEnv(tape, config, n_envs=n_envs, random_starts=True))


def small_agent(
    config: AgentConfig = SMALL_AGENT, *, seed: int = 0, n_updates: int = 0, **settings: object
) -> RecurrentPPO:
    """An agent on the small market, trained for some updates."""
    env = small_env(small_tape(), n_envs=config.n_envs, **settings)
    agent = build_agent(env, config, seed=seed, device="cpu")
    return agent.learn(n_updates * config.rollout_steps) if n_updates else agent
