"""`TradingVectorEnv.play` does what `step` does, to the last bit, and tells less about it."""

import copy
import pickle

import numpy as np
import pytest

from envs.actions import MODES
from envs.config import EnvConfig
from envs.market import MarketConfig, make_tape
from envs.rewards import REWARDS
from envs.vector_env import TradingVectorEnv
from tests.envs.slow_market import random_bars, random_config

N_ENVS = 13


def make_envs(seed, n_envs=N_ENVS, *, n=2, convert=None, **settings):
    """Equal environments in a random market, most of whose episodes are short."""
    generator = np.random.default_rng(seed)
    market = settings.pop("market", None) or random_config(seed)
    volatility = float(generator.choice([1e-4, 0.01, 0.1]))
    bars = random_bars(seed, 60, volatility=volatility)
    features = generator.normal(size=(len(bars), 3)).astype(np.float32)
    config = EnvConfig(market=market, episode_bars=int(generator.choice([3, 9, 40])), **settings)
    tape = make_tape(bars, features, market)
    tape = tape if convert is None else tape.to(convert)
    start = int(generator.choice([0, 11]))
    envs = [
        TradingVectorEnv(tape, config, n_envs=n_envs, start=start, random_starts=True)
        for _ in range(n)
    ]
    for env in envs:
        env.reset(seed=seed)
    return envs


def random_actions(env, n_steps, seed):
    n_actions = len(env.world.mode.labels)
    return np.random.default_rng(seed).integers(0, n_actions, (n_steps, env.num_envs))


def assert_same_step(play, step):
    """`play` against what `step` returned, elementwise and in dtype."""
    observations, rewards, terminated, truncated, infos = step
    ours = (play.observations, play.rewards, play.terminated, play.truncated)
    for array, other in zip(ours, (observations, rewards, terminated, truncated), strict=True):
        assert array.dtype == other.dtype
        np.testing.assert_array_equal(array, other)
    ended = np.flatnonzero(terminated | truncated)
    assert (play.last_observations is None) == (ended.size == 0) == ("final_obs" not in infos)
    for row in ended:
        np.testing.assert_array_equal(play.last_observations[row], infos["final_obs"][row])


def assert_same_state(env, other):
    ours, theirs = env.get_state(), other.get_state()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reward", REWARDS)
def test_play_is_step_in_every_market_mode_and_reward(mode, reward):
    n_terminated = n_truncated = 0
    for seed in range(10):
        played, stepped = make_envs(seed, action_mode=mode, reward=reward)
        for actions in random_actions(played, 40, seed):
            play, step = played.play(actions), stepped.step(actions)
            assert_same_step(play, step)
            n_terminated += int(play.terminated.sum())
            n_truncated += int(play.truncated.sum())
        assert_same_state(played, stepped)
    assert min(n_terminated, n_truncated) > 100, "both ways to end must have been seen often"


def test_play_and_step_can_be_mixed():
    mixed, stepped = make_envs(5)
    for index, actions in enumerate(random_actions(mixed, 60, 5)):
        if index % 3:
            assert_same_step(mixed.play(actions), stepped.step(actions))
        else:
            np.testing.assert_array_equal(mixed.step(actions)[0], stepped.step(actions)[0])
    assert_same_state(mixed, stepped)


def test_a_snapshot_taken_between_plays_goes_on_bit_for_bit():
    straight, resumed = make_envs(8)
    actions = random_actions(straight, 50, 8)
    for row in actions[:20]:
        straight.play(row)
    resumed.set_state(straight.get_state())
    for row in actions[20:]:
        assert_same_step(resumed.play(row), straight.step(row))
    assert_same_state(straight, resumed)


def test_played_arrays_are_never_written_again():
    (env,) = make_envs(3, n=1)
    names = ("observations", "rewards", "terminated", "truncated", "last_observations")
    kept = []
    for actions in random_actions(env, 40, 3):
        play = env.play(actions)
        arrays = [getattr(play, name) for name in names if getattr(play, name) is not None]
        kept += [(array, array.copy()) for array in arrays]
    for array, before in kept:
        np.testing.assert_array_equal(array, before)


def test_a_ledger_is_kept_while_playing():
    market = MarketConfig(max_drawdown_frac=None)
    tape = make_tape(random_bars(1, 30), np.zeros((30, 1), np.float32), market)
    envs = [
        TradingVectorEnv(tape, EnvConfig(market=market), n_envs=3, record=True) for _ in range(2)
    ]
    for env in envs:
        env.reset(seed=0)
    for actions in random_actions(envs[0], 70, 0):
        envs[0].play(actions)
        envs[1].step(actions)
    np.testing.assert_array_equal(envs[0].equity_path(), envs[1].equity_path())
    np.testing.assert_array_equal(envs[0].ledger().net, envs[1].ledger().net)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_of_an_environment_that_has_played_plays_on_alike(copied):
    (env,) = make_envs(5, 4, n=1)
    env.reset(seed=3)
    actions = np.random.default_rng(0).integers(0, 3, size=(40, 4))
    for row in actions[:10]:
        env.play(row)
    other = copied(env)
    for row in actions[10:]:
        ours, theirs = env.play(row), other.play(row)
        assert np.array_equal(ours.rewards, theirs.rewards)
        assert np.array_equal(ours.observations, theirs.observations)
