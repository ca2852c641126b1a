"""Flat, buy-and-hold and random agents, against trades worked by hand."""

import numpy as np
import pytest
import torch

from envs.config import EnvConfig
from envs.market import MarketConfig
from tests.training.small_market import small_tape
from training.evaluate import baselines
from training.folds import Range

TAPE = small_tape(120)
WINDOW = Range(20, 100)
MODES = ["target", "orders"]


@pytest.mark.parametrize("mode", MODES)
def test_flat_never_trades_and_scores_zero(mode: str) -> None:
    flat = baselines(TAPE, EnvConfig(action_mode=mode), WINDOW, seed=0).flat
    assert flat.score == 0.0
    assert flat.n_trades == 0
    assert len(flat.ledger.held_bars) == 0
    np.testing.assert_array_equal(flat.equity, np.full(81, 10_000.0))


@pytest.mark.parametrize("mode", MODES)
def test_buy_and_hold_is_one_long_trade_over_the_whole_window(mode: str) -> None:
    config = EnvConfig(action_mode=mode, market=MarketConfig(max_drawdown_frac=None))
    held = baselines(TAPE, config, WINDOW, seed=0).buy_and_hold
    assert held.n_trades == 1
    assert (held.ledger.entry_bar[0], held.ledger.exit_bar[0]) == (21, 100)
    # 0.01 lots for each 500 of 10,000; in at the ask (two points of a cent above the open).
    lots = 0.2
    gain = TAPE.close[100] - (TAPE.open[21] + 0.02)
    assert held.ledger.lots[0] == pytest.approx(lots)
    assert held.equity[-1] == pytest.approx(10_000.0 + gain * lots * TAPE.contract_size)
    assert held.ledger.held_bars.tolist() == [80]


@pytest.mark.parametrize("n_random", [1, 5])  # single environments and vectors of them
def test_orders_without_margin_are_counted(n_random: int) -> None:
    # 0.2 lots of one unit at about 100 bind 20 of margin; balance_per_lot 0.1 buys all 200 lots.
    poor = MarketConfig(balance_per_lot_usd=0.1, leverage=1.0)
    refused = baselines(TAPE, EnvConfig(market=poor), WINDOW, seed=0, n_random=n_random)
    assert refused.flat.n_refused == 0
    assert refused.buy_and_hold.n_refused == WINDOW.n_bars
    assert [e.n_refused for e in refused.random] == [(e.actions != 1).sum() for e in refused.random]
    free = baselines(TAPE, EnvConfig(), WINDOW, seed=0, n_random=n_random)
    assert {e.n_refused for e in (free.buy_and_hold, *free.random)} == {0}


def test_random_agents_differ_repeat_with_their_seed_and_pay_for_it() -> None:
    config = EnvConfig()
    first, again, other = (baselines(TAPE, config, WINDOW, seed=s, n_random=5) for s in (1, 1, 2))
    assert len(first.random) == 5
    assert len({tuple(e.actions) for e in first.random}) == 5
    assert {*np.concatenate([e.actions for e in first.random])} == {0, 1, 2}
    for one, two in zip(first.random, again.random, strict=True):
        np.testing.assert_array_equal(one.actions, two.actions)
    assert not np.array_equal(first.random_equity, other.random_equity)
    np.testing.assert_allclose(
        first.random_equity, np.mean([e.equity for e in first.random], axis=0)
    )


def test_another_window_draws_other_agents() -> None:
    one = baselines(TAPE, EnvConfig(), Range(20, 40), seed=1, n_random=1).random[0]
    two = baselines(TAPE, EnvConfig(), Range(40, 60), seed=1, n_random=1).random[0]
    assert not np.array_equal(one.actions, two.actions)


def test_baselines_move_no_global_random_state() -> None:
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002  # the state under test
    baselines(TAPE, EnvConfig(), WINDOW, seed=0)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002  # the same
