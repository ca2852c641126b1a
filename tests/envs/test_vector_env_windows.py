"""On devices `play` draws ahead, never waits for the device, and still does what NumPy does."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from envs.actions import MODES
from envs.config import EnvConfig
from envs.market import MarketConfig, make_tape
from envs.rewards import REWARDS
from envs.vector_env import TradingVectorEnv
from envs.vector_env.windows import STEPS_UNASKED
from tests.envs.slow_market import random_bars
from tests.envs.test_vector_env_play import assert_same_state, make_envs, random_actions

WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "unique", "item", "equal")


class NoWaiting(TorchDispatchMode):
    """Refuses whatever makes the host wait for a device, or carries data between the two."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        assert name not in WAITS, f"{name} waits for the device"
        assert name != "lift_fresh", "data came from the host"
        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, torch.Tensor)]
        if name.startswith("index"):
            masks = [a for a in args[1] if a is not None] if isinstance(args[1], list) else []
            assert all(mask.dtype != torch.bool for mask in masks), "a mask is counted first"
        result = func(*args, **kwargs)
        results = [result] if isinstance(result, torch.Tensor) else []
        assert len({t.device for t in (*tensors, *results) if t.ndim}) <= 1, f"{name} moves data"
        return result


def on_torch(array):
    return torch.as_tensor(array)


def on_meta(array):
    """Arrays without contents: asking one for its contents raises."""
    return torch.as_tensor(array, device="meta")


def assert_same_play(ours, theirs):
    """`ours` on torch, `theirs` on NumPy: equal but for logarithms and roots in rewards."""
    np.testing.assert_array_equal(ours.observations.numpy(), theirs.observations)
    np.testing.assert_allclose(ours.rewards.numpy(), theirs.rewards, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(ours.terminated.numpy(), theirs.terminated)
    np.testing.assert_array_equal(ours.truncated.numpy(), theirs.truncated)
    last = ours.observations if theirs.last_observations is None else theirs.last_observations
    np.testing.assert_array_equal(ours.last_observations.numpy(), last)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reward", REWARDS)
def test_play_on_torch_is_play_on_numpy(mode, reward):
    for seed in range(3):
        (ours,) = make_envs(seed, n=1, convert=on_torch, action_mode=mode, reward=reward)
        (theirs,) = make_envs(seed, n=1, action_mode=mode, reward=reward)
        for index, actions in enumerate(random_actions(theirs, 40, seed)):
            if index % 11 == 0:
                ours.prepare(7)
            assert_same_play(ours.play(torch.as_tensor(actions)), theirs.play(actions))
        assert_same_state(ours, theirs)


@pytest.mark.parametrize("convert", [on_torch, on_meta])
@pytest.mark.parametrize(("mode", "reward"), [*zip(["target", "orders"] * 2, REWARDS, strict=True)])
@pytest.mark.parametrize("random_starts", [True, False])
def test_a_prepared_play_never_waits_for_the_device(convert, mode, reward, random_starts):
    market = MarketConfig(
        slippage_points=1.0, commission_per_lot_usd=1.0, swap_long_points=1.0, max_drawdown_frac=0.1
    )
    tape = make_tape(random_bars(0, 30), np.zeros((30, 2), np.float32), market).to(convert)
    config = EnvConfig(market=market, action_mode=mode, reward=reward, episode_bars=5)
    env = TradingVectorEnv(tape, config, n_envs=8, random_starts=random_starts)
    env.reset(seed=0)
    actions = torch.as_tensor(random_actions(env, 20, 0)).to(tape.close.device)
    env.prepare(20)
    with NoWaiting():
        for row in actions.unbind():
            play = env.play(row)
    assert play.observations.dtype == torch.float32
    assert play.observations.device == tape.close.device


def test_the_trap_catches_a_play_that_was_not_prepared():
    (env,) = make_envs(0, n=1, convert=on_torch)
    actions = torch.zeros(env.num_envs, dtype=torch.int64)
    with NoWaiting(), pytest.raises(AssertionError, match=r"wait|host"):
        env.play(actions)


def test_steps_and_plays_take_the_same_episodes_in_any_order():
    (mixed,) = make_envs(4, n=1, convert=on_torch)
    (stepped,) = make_envs(4, n=1)
    for index, actions in enumerate(random_actions(stepped, 3 * STEPS_UNASKED, 4)):
        if index % 9 == 0:
            mixed.prepare(index % 5)
        move = mixed.play if index % 3 else mixed.step
        move(torch.as_tensor(actions))
        stepped.step(actions)
        if index % 20 == 0:
            assert_same_state(mixed, stepped)
    assert_same_state(mixed, stepped)


def test_a_snapshot_goes_from_torch_to_numpy_and_back():
    (ours,) = make_envs(6, n=1, convert=on_torch)
    (theirs,) = make_envs(6, n=1)
    ours.prepare(50)
    actions = random_actions(ours, 60, 6)
    for row in actions[:20]:
        ours.play(torch.as_tensor(row))
    theirs.set_state(ours.get_state())
    for row in actions[20:40]:
        assert_same_play(ours.play(torch.as_tensor(row)), theirs.play(row))
    ours.set_state(theirs.get_state())
    for row in actions[40:]:
        assert_same_play(ours.play(torch.as_tensor(row)), theirs.play(row))
    assert_same_state(ours, theirs)


def test_a_reset_without_a_seed_goes_on_where_drawing_on_demand_would():
    (ours,) = make_envs(2, n=1, convert=on_torch)
    (theirs,) = make_envs(2, n=1)
    for _ in range(3):
        for actions in random_actions(ours, 15, 2):
            ours.play(torch.as_tensor(actions))
            theirs.play(actions)
        np.testing.assert_array_equal(ours.reset()[0].numpy(), theirs.reset()[0])
    assert_same_state(ours, theirs)


def test_episodes_of_one_step_cannot_exhaust_the_windows():
    """Every environment ends at every step: the worst that can be."""
    market = MarketConfig()
    tape = make_tape(random_bars(0, 9, volatility=1e-5), np.zeros((9, 1), np.float32), market)
    config = EnvConfig(market=market, episode_bars=1)
    ours = TradingVectorEnv(tape.to(on_torch), config, n_envs=4, random_starts=True)
    theirs = TradingVectorEnv(tape, config, n_envs=4, random_starts=True)
    for env in (ours, theirs):
        env.reset(seed=0)
    for n_steps in (3, 10, 2 * STEPS_UNASKED):
        ours.prepare(n_steps // 2)  # too few on purpose
        for actions in random_actions(ours, n_steps, n_steps):
            play = theirs.play(actions)
            assert play.truncated.all()
            assert_same_play(ours.play(torch.as_tensor(actions)), play)
    assert_same_state(ours, theirs)
