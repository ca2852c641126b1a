"""How fast the environments step: the vector one, and the single one beside gym-trading-env's.

    python bench/env.py [--n-bars 60000] [--rounds 7]

Everything is measured in this one run, rounds of the competitors alternate, and the median counts.
For the comparison: `pip install "walkfast[bench]"`, or gym-trading-env and walkfast's `envs` in any
one environment. Not here: the speed of training.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from envs.config import EnvConfig
from envs.market import MarketConfig, Tape, make_tape
from envs.synthetic import planted_market
from envs.trading_env import TradingEnv
from envs.vector_env import TradingVectorEnv

N_FEATURES = 36
N_SINGLE_STEPS = 5_000
GOAL_STEPS_PER_S = 2_000_000
MARKET = MarketConfig(
    slippage_points=1.0,
    commission_per_lot_usd=1.0,
    swap_long_points=1.0,
    swap_short_points=1.0,
    max_drawdown_frac=None,
)


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    bars = planted_market(n_bars=arguments.n_bars, seed=0).bars
    generator = np.random.default_rng(0)
    features = generator.normal(size=(len(bars), N_FEATURES)).astype(np.float32)
    tape = make_tape(bars, features, MARKET)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}")
    print(f"{len(bars):,} planted bars, {N_FEATURES} features, all costs on, random actions;")
    print(f"median (least - most) of {arguments.rounds} rounds\n")
    for n_envs in (1, 64, 256, 1024, 4096):
        _report_vector(tape, n_envs, arguments.rounds)
    print()
    for n_envs in (16, 64, 256, 1024):
        _report_play(tape, n_envs, arguments.rounds)
    _report_play_on_torch(tape, 1024, arguments.rounds)
    print()
    _report_single(tape, bars, features, arguments.rounds)


def _report_vector(tape: Tape, n_envs: int, n_rounds: int) -> None:
    env = TradingVectorEnv(
        tape, EnvConfig(market=MARKET, episode_bars=2_000), n_envs=n_envs, random_starts=True
    )
    env.reset(seed=0)
    actions = np.random.default_rng(1).integers(0, 3, (200, n_envs))

    def walk() -> int:
        for row in actions:
            env.step(row)
        return actions.size

    walk()
    rates = sorted(_steps_per_s(walk) for _ in range(n_rounds))
    line = f"TradingVectorEnv, {n_envs:5,} envs: {_spread(rates)} env steps/s"
    print(line)
    if n_envs == 1024:
        share = statistics.median(rates) / GOAL_STEPS_PER_S
        per_cpu_s = _steps_per_s(walk, time.process_time)
        print(f"    {share:.2f} of the goal of {GOAL_STEPS_PER_S:,}; ", end="")
        print(f"{per_cpu_s:,.0f} per second of CPU time: more than the above on a busy machine")


def _report_play(
    tape: Tape, n_envs: int, n_rounds: int, convert: Callable[[Any], Any] = np.asarray
) -> None:
    """Compare the lean `play` with `step`: two environments, the same actions, rounds alternate."""
    config = EnvConfig(market=MARKET, episode_bars=2_000)
    actions = [convert(row) for row in np.random.default_rng(1).integers(0, 3, (200, n_envs))]
    walks = {}
    for name in ("step", "play"):
        env = TradingVectorEnv(tape, config, n_envs=n_envs, random_starts=True)
        env.reset(seed=0)
        walks[name] = _mover(env, name, actions)
        walks[name]()
    rates: dict[str, list[float]] = {name: [] for name in walks}
    for _ in range(n_rounds):
        for name, walk in walks.items():
            rates[name].append(_steps_per_s(walk))
    step_us, play_us = (1e6 * n_envs / statistics.median(values) for values in rates.values())
    print(f"play, {n_envs:5,} envs: {_spread(sorted(rates['play']))} env steps/s; ", end="")
    print(f"{play_us:.0f} us a call, step {step_us:.0f} us: {step_us / play_us:.2f} times as fast")


def _mover(env: TradingVectorEnv, name: str, actions: list[Any]) -> Callable[[], int]:
    move = getattr(env, name)

    def walk() -> int:
        env.prepare(len(actions))
        for row in actions:
            move(row)
        return len(actions) * env.num_envs

    return walk


def _report_play_on_torch(tape: Tape, n_envs: int, n_rounds: int) -> None:
    if importlib.util.find_spec("torch") is None:
        print("play on torch tensors: n/a, torch is not installed")
        return
    import torch  # noqa: PLC0415  # only for this line

    torch.set_num_threads(1)
    print("On torch tensors on the CPU, one thread: ", end="")
    _report_play(tape.to(torch.as_tensor), n_envs, n_rounds, torch.as_tensor)


def _report_single(tape: Tape, bars: Any, features: Any, n_rounds: int) -> None:
    actions = np.random.default_rng(2).integers(0, 3, N_SINGLE_STEPS).tolist()
    walks = {"TradingEnv": _walker(TradingEnv(tape, EnvConfig(market=MARKET)), actions)}
    theirs = _gym_trading_env(bars, features)
    if theirs is not None:
        walks["gym-trading-env"] = _walker(theirs, actions)
    rates: dict[str, list[float]] = {name: [] for name in walks}
    for walk in walks.values():
        walk()
    for _ in range(n_rounds):
        for name, walk in walks.items():
            rates[name].append(_steps_per_s(walk))
    for name, values in rates.items():
        print(f"{name:16s} single env: {_spread(sorted(values))} steps/s")
    if theirs is None:
        print('gym-trading-env: n/a, not installed; pip install "walkfast[bench]"')
        return
    ours, other = (statistics.median(values) for values in rates.values())
    print(f"TradingEnv over gym-trading-env, same bars and number of features: {ours / other:.2f}")


def _walker(env: Any, actions: list[int]) -> Callable[[], int]:
    def walk() -> int:
        env.reset(seed=0)
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset(seed=0)
        return len(actions)

    return walk


def _gym_trading_env(bars: Any, features: Any) -> Any:
    """Make gym-trading-env's environment on the same bars and features; None if it is missing."""
    if importlib.util.find_spec("gym_trading_env") is None:
        return None
    import pandas as pd  # noqa: PLC0415  # only for the comparison
    from gym_trading_env.environments import (  # noqa: PLC0415  # an optional dependency
        TradingEnv as TheirTradingEnv,
    )

    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    columns |= {f"feature_{i}": features[:, i] for i in range(features.shape[1])}
    frame = pd.DataFrame(columns, index=pd.to_datetime(bars.time_us, unit="us"))
    return TheirTradingEnv(
        df=frame,
        positions=[-1, 0, 1],
        trading_fees=0.0001,
        borrow_interest_rate=0.000003,
        verbose=0,
    )


def _steps_per_s(walk: Callable[[], int], clock: Callable[[], float] = time.perf_counter) -> float:
    begin = clock()
    n_steps = walk()
    return n_steps / (clock() - begin)


def _spread(rates: list[float]) -> str:
    return f"{statistics.median(rates):12,.0f} ({rates[0]:,.0f} - {rates[-1]:,.0f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-bars", type=int, default=60_000, help="length of the market")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each")
    return parser.parse_args()


if __name__ == "__main__":
    main()
