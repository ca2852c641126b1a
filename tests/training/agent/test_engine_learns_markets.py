"""The engine learns markets whose best is known, on fresh bars; full size: `bench/learning.py`."""

import numpy as np
import pytest
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.config import EnvConfig
from envs.market import MarketConfig, Tape, make_tape
from envs.synthetic import (
    PlantedMarket,
    bayes_share,
    leaked_future_market,
    net_return_per_bar,
    noise_market,
    planted_market,
    reference_observations,
)
from envs.vector_env import TradingVectorEnv
from training.agent.build import build_agent
from training.agent.config import AgentConfig
from training.agent.stacked import StackedActors
from training.agent.vec_env import SB3TradingVecEnv
from training.evaluate.walk import walk
from training.folds import Range

N_WINDOWS, WINDOW_BARS = 16, 500
N_FRESH = N_WINDOWS * WINDOW_BARS + 1
# Nothing but the planted costs: no stop-out, no drawdown rule, lots fine enough to follow equity.
MARKET = MarketConfig(
    lot_step=1e-4, min_lots=1e-4, margin_call_frac=0.0, stop_out_frac=0.0, max_drawdown_frac=None
)
ENV = EnvConfig(market=MARKET, episode_bars=1000)
AGENT = AgentConfig(
    engine="chunked",
    lstm_hidden_size=32,
    net_arch=(32,),
    n_envs=32,
    n_steps=64,
    batch_size=512,
    n_epochs=4,
    learning_rate=2e-3,
    clip_range=0.4,
)


def tape_of(market: PlantedMarket) -> Tape:
    seen = reference_observations(market.returns)
    leak = market.bars.extra.get("leak")
    if leak is not None:
        seen = np.column_stack([seen, leak]).astype(np.float32)
    return make_tape(market.bars, seen, MARKET)


def learned_positions(
    taught: PlantedMarket, fresh: PlantedMarket, *, n_steps: int, seed: int = 0
) -> np.ndarray:
    """Train from scratch on one market; return `(N_FRESH,)` positions on another."""
    env = TradingVectorEnv(tape_of(taught), ENV, n_envs=AGENT.n_envs, random_starts=True)
    agent = build_agent(SB3TradingVecEnv(env), AGENT, seed=seed, device="cpu")
    agent.learn(n_steps)
    policy = agent.policy
    assert isinstance(policy, RecurrentActorCriticPolicy)
    windows = [Range(i * WINDOW_BARS, (i + 1) * WINDOW_BARS) for i in range(N_WINDOWS)]
    rows = walk(StackedActors([policy], N_WINDOWS), tape_of(fresh), ENV, windows)
    return np.concatenate([*(row.actions - 1 for row in rows), [0]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])  # one alone can follow the drift by luck of its weights
def test_chunks_learn_an_easy_planted_market(seed: int) -> None:
    taught = planted_market(n_bars=20_000, seed=1, difficulty="easy")
    fresh = planted_market(n_bars=N_FRESH, seed=2, difficulty="easy")
    share = bayes_share(fresh, learned_positions(taught, fresh, n_steps=40_000, seed=seed))
    assert share is not None
    assert share >= 0.8


@pytest.mark.slow
def test_chunks_go_flat_where_there_is_nothing_to_learn() -> None:
    taught = noise_market(n_bars=20_000, seed=1)
    fresh = noise_market(n_bars=N_FRESH, seed=2)
    positions = learned_positions(taught, fresh, n_steps=40_000)
    assert np.abs(np.diff(positions)).mean() <= 0.02


@pytest.mark.slow
def test_chunks_find_a_leaked_future() -> None:
    taught = leaked_future_market(n_bars=20_000, seed=1)
    fresh = leaked_future_market(n_bars=N_FRESH, seed=2)
    positions = learned_positions(taught, fresh, n_steps=20_000)
    net = net_return_per_bar(positions, fresh.returns, cost_per_side=0.15)
    assert net > 0.4
