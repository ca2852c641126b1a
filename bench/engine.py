"""How much faster our engine trains than stock sb3-contrib, in one run on one machine.

    python bench/engine.py [--parts engines rollouts memory] [--sizes original small]
                           [--episode_bars 1000 250] [--seconds 6] [--rounds 3]
                           [--cores 1 2] [--search_stock]

Prints Markdown ready for `docs/performance.md`: env steps a second end to end of stock, `exact` and
`chunked` on the planted reference market and their ratios, the updates' share of the matrix
products measured in the same run, rollouts alone, and peak memory in processes of their own. Arms
take turns, so that load from elsewhere meets all of them, and medians of turns count. With
`--search_stock`, stock's best environments, minibatch and threads are searched first and used;
without it, those found before (`bench/speed/settings.py`).

Read next: `bench.speed.arms`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.speed.arms import Arm, race, with_engine  # the repository has to be on the path first
from bench.speed.memory import measured
from bench.speed.rates import (
    padding_frac,
    product_rates,
    update_flops_per_s,
    useful_flops_per_step,
)
from bench.speed.rollouts import RolloutArm, rollout_arms
from bench.speed.settings import SIZES, Size
from bench.speed.stock_search import search_stock, settings_words
from bench.speed.told import heading, number_with_spread, table
from training.agent.config import AgentConfig

PARTS = ("engines", "rollouts", "memory")
ROLLOUT_ENVS = (1, 16, 64, 128)
N_TOLD_CANDIDATES = 8
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """What arms are compared with, in env steps a second."""

    one_env: float
    same_settings: dict[str, float]
    best: float


def main() -> None:
    """Measure what was asked for and print it."""
    options = _options()
    print(heading())
    for name in options.sizes:
        size = SIZES[name]
        print(f"\n### {size.words}\n")
        if options.search_stock:
            size = _searched(size, options.episode_bars[0])
        if "engines" in options.parts:
            for episode_bars in options.episode_bars:
                _compare_engines(size, episode_bars, options)
        if "rollouts" in options.parts:
            _compare_rollouts(size, options)
        if "memory" in options.parts:
            _compare_memory(name, size)
    print(heading(), file=sys.stderr)


def engine_arms(size: Size, episode_bars: int) -> list[Arm]:
    """Stock and ours with the original's one env, where stock is best, and where ours is."""
    one, best, ours = size.one_env, size.stock_best, size.ours
    stock = [("stock", cores, "fp32") for cores in (1, 2)]
    exact = [("exact", cores, "fp32") for cores in (1, 2)]
    chunked = [("chunked", cores, kind) for kind in ("fp32", "bf16") for cores in (1, 2)]
    rows = [(one, [*stock, *exact[1:]]), (best, [*stock, *exact, *chunked])]
    if _layout(ours) != _layout(best):
        rows.append((ours, [("stock", best.n_threads, "fp32"), *exact[1:], *chunked]))
    configs = [
        with_engine(config, engine, cores, precision)
        for config, variants in rows
        for engine, cores, precision in variants
    ]
    return [Arm(label=_layout(one), config=one, episode_bars=episode_bars) for one in configs]


def _compare_engines(size: Size, episode_bars: int, options: argparse.Namespace) -> None:
    arms = [arm for arm in engine_arms(size, episode_bars) if arm.config.n_threads in options.cores]
    race(arms, seconds=options.seconds, n_rounds=options.rounds)
    stock = [arm for arm in arms if arm.config.engine == "stock"]
    same = {}
    for arm in stock:
        key = _layout(arm.config)
        same[key] = max(same.get(key, 0.0), arm.steps_per_s)
    baselines = Baselines(
        one_env=same[_layout(size.one_env)],
        same_settings=same,
        best=max(arm.steps_per_s for arm in stock),
    )
    episode = statistics.median(arm.mean_episode_bars for arm in arms)
    print(f"Episodes of at most {episode_bars:,} bars, mean {episode:,.0f}:\n")
    head = (
        "engine | envs x steps | env steps/s (least - most) | times one env | times stock, "
        "same settings | times stock at its best | rollout steps/s | update steps/s | update "
        "Gflop/s | of products in its shapes | of the best product | padding | Mflop a step"
    )
    print(table(head.split(" | "), [_engine_row(arm, baselines) for arm in arms]))


def _engine_row(arm: Arm, baselines: Baselines) -> list[str]:
    assert arm.agent is not None
    rate, config = arm.steps_per_s, arm.config
    same = baselines.same_settings.get(_layout(config))
    update = update_flops_per_s(arm)
    n_inputs = arm.agent.policy.lstm_actor.input_size
    products = product_rates(config, n_inputs=n_inputs, precision=config.precision)
    return [
        _engine_words(config),
        arm.label,
        number_with_spread([turn.n_steps / turn.total_s for turn in arm.turns]),
        f"{rate / baselines.one_env:.1f}",
        f"{rate / same:.1f}" if same else "",
        f"{rate / baselines.best:.2f}",
        f"{arm.median(lambda turn: turn.n_steps / turn.rollout_s):,.0f}",
        f"{arm.median(lambda turn: turn.n_steps / turn.update_s):,.0f}",
        f"{update / 1e9:.0f}",
        f"{update / products.mixed:.0%} of {products.mixed / 1e9:.0f}",
        f"{update / products.best:.0%} of {products.best / 1e9:.0f}",
        "" if config.engine == "stock" else f"{padding_frac(arm.agent):.1%}",
        f"{useful_flops_per_step(arm.agent) / 1e6:.1f}",
    ]


def _compare_rollouts(size: Size, options: argparse.Namespace) -> None:
    episode_bars = options.episode_bars[0]
    print(f"Rollouts alone, episodes of at most {episode_bars:,} bars, one core:\n")
    rows: list[list[str]] = []
    for n_envs in ROLLOUT_ENVS:
        arms = rollout_arms(size.ours, n_envs=n_envs, episode_bars=episode_bars)
        for _ in range(options.rounds):
            for arm in arms:
                arm.take_turn(options.seconds / 6 / options.rounds)
        rows += [_rollout_row(arm, arms) for arm in arms]
    head = (
        "plays | envs | env steps/s (least - most) | ours is faster by, times | mean episode, bars"
    )
    print(table(head.split(" | "), rows))


def _rollout_row(arm: RolloutArm, arms: Sequence[RolloutArm]) -> list[str]:
    ours = arms[-1]
    return [
        arm.words,
        str(arm.n_envs),
        number_with_spread(arm.rates),
        f"{statistics.median(ours.rates) / statistics.median(arm.rates):.1f}",
        arm.mean_episode_words,
    ]


def _compare_memory(name: str, size: Size) -> None:
    print(f"Peak memory of two rollouts and updates, {settings_words(size.memory)}, in MiB:\n")
    variants = [
        ("stock", 1, "fp32"),
        ("stock", 2, "fp32"),
        ("exact", 2, "fp32"),
        ("chunked", 1, "fp32"),
        ("chunked", 2, "fp32"),
        ("chunked", 2, "bf16"),
    ]
    rows = []
    for engine, cores, precision in variants:
        found = measured(name, engine, n_threads=cores, precision=precision)
        config = with_engine(size.memory, engine, cores, precision)
        grown = found["peak"] - found["before"]
        sizes = [found["peak"], found["before"], grown, found["rollout"]]
        rows.append([_engine_words(config), *(f"{one / MIB:,.0f}" for one in sizes)])
    head = "engine | peak RSS | of it before training | grown | rollout's arrays at the end"
    print(table(head.split(" | "), rows))


def _searched(size: Size, episode_bars: int) -> Size:
    short, finalists = search_stock(size.stock_best, episode_bars=episode_bars)
    n_told = min(N_TOLD_CANDIDATES, len(short))
    print(f"Stock's best of {len(short)} settings, one epoch timed; the best {n_told}:\n")
    rows = [[one.words, f"{one.steps_per_s:,.0f}"] for one in short[:n_told]]
    print(table(["envs x steps, batch, cores", "env steps/s, from one epoch"], rows))
    print("The finalists, all epochs, in turns:\n")
    rows = [
        [arm.label, number_with_spread([turn.n_steps / turn.total_s for turn in arm.turns])]
        for arm in finalists
    ]
    print(table(["envs x steps, batch, cores", "env steps/s (least - most)"], rows))
    return replace(size, stock_best=finalists[0].config)


def _engine_words(config: AgentConfig) -> str:
    cores = f"{config.n_threads} core{'s' if config.n_threads > 1 else ''}"
    return f"{config.engine} {config.precision}, {cores}"


def _layout(config: AgentConfig) -> str:
    return f"{config.n_envs} x {config.n_steps}, batch {config.batch_size:,}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sizes", nargs="*", choices=tuple(SIZES), default=list(SIZES))
    parser.add_argument("--episode_bars", type=int, nargs="*", default=[1000, 250])
    parser.add_argument("--seconds", type=float, default=6.0, help="of each arm, over all rounds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, nargs="*", choices=(1, 2), default=[1, 2])
    parser.add_argument("--search_stock", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
