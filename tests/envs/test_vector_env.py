"""Episodes, autoreset, seeds and snapshots of the vector environment; ledgers: the parity tests."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import batch_space
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.market import MarketConfig, make_tape
from envs.trading_env import TradingEnv
from envs.vector_env import TradingVectorEnv, draw_windows
from tests.envs.slow_market import make_bars, random_bars


def walk_randomly(env, n_steps, seed=0, n_actions=3):
    generator = np.random.default_rng(seed)
    return [env.step(generator.integers(0, n_actions, env.num_envs)) for _ in range(n_steps)]


def quiet_tape(n_bars=50, n_features=2, **market):
    """A tape of a mild market, whose first feature is the bar's own index."""
    config = EnvConfig(market=MarketConfig(max_drawdown_frac=None, **market))
    bars = random_bars(1, n_bars, volatility=1e-4)
    features = np.zeros((n_bars, n_features), np.float32)
    features[:, 0] = np.arange(n_bars)
    return make_tape(bars, features, config.market), config


def test_a_seed_repeats_every_episode_and_another_one_does_not():
    tape, config = quiet_tape()
    config = EnvConfig(market=config.market, episode_bars=10)
    env = TradingVectorEnv(tape, config, n_envs=20, random_starts=True)

    def play(seed):
        first, _ = env.reset(seed=seed)
        return np.stack([first, *(step[0] for step in walk_randomly(env, 30))])

    np.testing.assert_array_equal(play(7), play(7))
    assert (play(7) != play(8)).any()


def test_environments_own_their_generators():
    tape, config = quiet_tape()
    state = np.random.get_state()[1].copy()  # noqa: NPY002  # the point is that it stays untouched
    env = TradingVectorEnv(tape, config, n_envs=4, random_starts=True)
    env.reset(seed=1)
    walk_randomly(env, 60)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002  # as above


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    start=st.integers(0, 20),
    length=st.integers(1, 30),
    episode_bars=st.one_of(st.none(), st.integers(1, 40)),
    stagger=st.booleans(),
)
def test_drawn_windows_stay_inside_the_slice(seed, start, length, episode_bars, stagger):
    generator, stop = np.random.default_rng(seed), start + length
    first, last = draw_windows(generator, 50, (start, stop), episode_bars, stagger=stagger)
    assert (start <= first).all()
    assert (first < last).all()
    assert (last <= stop).all()
    assert ((last - first) <= (episode_bars or length)).all()


@pytest.mark.parametrize("episode_bars", [5, 20, None])
def test_every_bar_of_the_slice_is_visited_equally_often(episode_bars):
    generator = np.random.default_rng(0)
    first, last = draw_windows(generator, 40_000, (10, 30), episode_bars, stagger=False)
    visits = np.array([np.sum((first <= bar) & (bar < last)) for bar in range(10, 30)])
    np.testing.assert_allclose(visits / visits.mean(), 1.0, atol=0.04)


def test_staggered_environments_do_not_end_together():
    tape, config = quiet_tape(600)
    config = EnvConfig(market=config.market, episode_bars=100)
    env = TradingVectorEnv(tape, config, n_envs=200, random_starts=True)
    env.reset(seed=0)
    n_ends = [int((step[2] | step[3]).sum()) for step in walk_randomly(env, 300)]
    assert max(n_ends) < 20
    assert sum(n_ends) > 400


def test_nothing_outside_the_slice_is_ever_read():
    """Poisoned bars before the slice and after bar `stop` would show in equity or observations."""
    bars = random_bars(3, 40, volatility=1e-3)
    features = np.ones((40, 1), np.float32)
    config = EnvConfig(market=MarketConfig(swap_long_points=5.0), episode_bars=7)
    tape = make_tape(bars, features, config.market)
    poisoned = tape.to(lambda array: array)
    for name in ("open", "close", "spread_points", "nights", "features"):
        array = getattr(poisoned, name)
        assert array is not getattr(tape, name)
        array[:10], array[31:] = np.nan, np.nan
    envs = [
        TradingVectorEnv(t, config, n_envs=16, start=10, stop=30, random_starts=True, record=True)
        for t in (tape, poisoned)
    ]
    for env in envs:
        env.reset(seed=0)
    for ours, theirs in zip(*(walk_randomly(env, 100) for env in envs), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_array_equal(envs[0].equity_path(), envs[1].equity_path())


def test_a_snapshot_goes_on_bit_for_bit():
    tape, config = quiet_tape()
    config = EnvConfig(market=config.market, episode_bars=8, reward="differential_sharpe")
    env = TradingVectorEnv(tape, config, n_envs=5, random_starts=True)
    env.reset(seed=3)
    walk_randomly(env, 9)
    snapshot = env.get_state()
    straight = walk_randomly(env, 25, seed=1)
    other = TradingVectorEnv(tape, config, n_envs=5, random_starts=True)
    other.set_state(snapshot)
    resumed = walk_randomly(other, 25, seed=1)
    for ours, theirs in zip(straight, resumed, strict=True):
        for array, other_array in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(array, other_array)
    assert any((step[2] | step[3]).any() for step in straight)


def test_set_state_returns_the_observation_of_that_moment():
    tape, config = quiet_tape()
    env = TradingVectorEnv(tape, config, n_envs=2)
    env.reset(seed=0)
    observation = walk_randomly(env, 4)[-1][0]
    snapshot = env.get_state()
    walk_randomly(env, 4)
    np.testing.assert_array_equal(env.set_state(snapshot), observation)


def test_returned_arrays_do_not_change_the_environment_nor_later_steps_them():
    tape, config = quiet_tape()
    envs = [TradingVectorEnv(tape, config, n_envs=2) for _ in range(2)]
    for env in envs:
        env.reset(seed=0)
    for _ in range(60):
        kept, trashed = (env.step(np.array([2, 0])) for env in envs)
        before = kept[0].copy()
        for array in (*trashed[:4], *(v for k, v in trashed[4].items() if k in kept[4])):
            if isinstance(array, np.ndarray) and array.flags.writeable:
                array[...] = 0
        envs[0].step(np.array([2, 0]))
        envs[1].step(np.array([2, 0]))
        np.testing.assert_array_equal(kept[0], before)
    states = [env.get_state() for env in envs]
    for name in states[0]:
        np.testing.assert_array_equal(states[0][name], states[1][name])


def test_autoreset_is_that_of_gymnasium():
    """`SyncVectorEnv` over single envs in SAME_STEP mode returns the same, infos and all."""
    tape, config = quiet_tape(20)
    ours = TradingVectorEnv(tape, config, n_envs=2)
    theirs = SyncVectorEnv(
        [lambda: TradingEnv(tape, config)] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert_same(ours.reset(seed=0), theirs.reset(seed=0))
    generator = np.random.default_rng(0)
    for _ in range(50):
        actions = generator.integers(0, 3, 2)
        assert_same(ours.step(actions), theirs.step(actions))


def assert_same(ours, theirs):
    if isinstance(ours, dict):
        assert set(ours) == set(theirs)
        for key in ours:
            assert_same(ours[key], theirs[key])
    elif isinstance(ours, tuple):
        for left, right in zip(ours, theirs, strict=True):
            assert_same(left, right)
    elif ours.dtype == object:
        for left, right in zip(ours, theirs, strict=True):
            assert (left is None) == (right is None)
            np.testing.assert_array_equal(left, right)
    else:
        assert ours.dtype == theirs.dtype
        # plain numbers and arrays have logarithms of their own, which differ in the last digit
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=0)


def test_autoreset_of_one_environment_leaves_the_others_alone():
    """Env 0 is ruined by a tenfold price while env 1 stays flat and walks on."""
    prices = [100.0, 100.0, 1_000.0, 1_000.0, 1_000.0]
    bars = make_bars(prices, prices, symbol="ABC")
    market = MarketConfig(initial_balance_usd=10_000.0, balance_per_lot_usd=1.0, max_lots=50.0)
    config = EnvConfig(market=market)
    tape = make_tape(bars, np.zeros((5, 1), np.float32), market)
    env = TradingVectorEnv(tape, config, n_envs=2, record=True)
    env.reset(seed=0)
    env.step(np.array([0, 1]))
    _, _, terminated, truncated, infos = env.step(np.array([0, 1]))
    assert terminated.tolist() == [True, False]
    assert truncated.tolist() == [False, False]
    assert infos["bar_index"].tolist() == [0, 2]
    assert infos["final_info"]["bar_index"].tolist() == [2, 0]
    assert infos["equity"].tolist() == [10_000.0, 10_000.0]
    assert infos["final_info"]["equity"][0] == 10_000.0 - 50 * 900.0
    assert env.ledger().reason.tolist() == ["ruin"]


def test_spaces_are_batched_and_metadata_names_the_autoreset():
    tape, config = quiet_tape()
    env = TradingVectorEnv(tape, config, n_envs=4)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert env.single_action_space == gymnasium.spaces.Discrete(3)
    assert env.observation_space == batch_space(env.single_observation_space, 4)
    observations, _ = env.reset(seed=0)
    assert observations in env.observation_space
    assert observations.dtype == np.float32
    assert env.layout.names[-4:] == (
        "position",
        "unrealized_pnl_frac",
        "bars_held",
        "drawdown_frac",
    )


@pytest.mark.parametrize(
    "actions", [np.array([0, 3]), np.array([-1, 0]), np.array([0.0, 1.0]), np.array([0])]
)
def test_actions_outside_the_space_are_refused(actions):
    tape, config = quiet_tape()
    env = TradingVectorEnv(tape, config, n_envs=2)
    env.reset(seed=0)
    with pytest.raises(InvalidAction):
        env.step(actions)


def test_stepping_before_reset_says_so():
    tape, config = quiet_tape()
    with pytest.raises(ResetNeeded):
        TradingVectorEnv(tape, config, n_envs=1).step(np.array([0]))


@pytest.mark.parametrize(("start", "stop"), [(0, 50), (5, 5), (-1, 10), (9, 4)])
def test_a_slice_needs_a_bar_to_decide_on_and_one_after_it(start, stop):
    tape, config = quiet_tape(50)
    with pytest.raises(ConfigError, match="one bar after"):
        TradingVectorEnv(tape, config, n_envs=1, start=start, stop=stop)


def test_no_environments_is_a_mistake():
    tape, config = quiet_tape()
    with pytest.raises(ConfigError):
        TradingVectorEnv(tape, config, n_envs=0)


@pytest.mark.parametrize("reward", ["differential_sharpe", "sortino"])
def test_a_new_episode_forgets_the_returns_of_the_last_one(reward):
    """The first differential reward of an episode is zero: there is nothing to compare with."""
    bars = random_bars(1, 12, volatility=0.01)
    config = EnvConfig(market=MarketConfig(max_drawdown_frac=None), reward=reward)
    tape = make_tape(bars, np.zeros((12, 1), np.float32), config.market)
    env = TradingVectorEnv(tape, config, n_envs=2)
    env.reset(seed=0)
    rewards = np.stack([env.step(np.array([2, 0]))[1] for _ in range(14)])
    assert (rewards[[0, 11]] == 0).all(), "the episode of 11 bars begins anew at step 11"
    assert (rewards[2:11] != 0).all()
