"""Does the engine learn, and how soon? Proofs at full size, and time to quality.

    python bench/learning.py proofs --seeds 0 1 2 3 4
    python bench/learning.py quality --seeds 0 1 2 3 4

The market is the design page's reference: 60,000 bars to learn from, 20,000 to choose weights on
and 20,000 fresh ones to be judged on, all of the seed's own. Agents see the return, its sums over 4
to 192 bars and the account's columns, in the environment of every training run
(`envs.vector_env`), and are judged by `envs.synthetic` against the best threshold policy on the
Bayes filter on the same bars. Seconds are those of rollouts and updates; evaluations are timed
apart. Not here: speed alone (`bench/engine.py`).
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback

sys.path.insert(0, str(Path(__file__).parents[1]))

from envs.config import EnvConfig  # the repository has to be on the path first
from envs.market import MarketConfig, Tape, make_tape
from envs.synthetic import (
    PlantedMarket,
    bayes_share,
    leaked_future_market,
    net_return_per_bar,
    noise_market,
    optimum_of,
    planted_market,
    reference_observations,
    threshold_policy_return,
)
from envs.vector_env import TradingVectorEnv
from training.agent.build import build_agent
from training.agent.config import ORIGINAL_AGENT, AgentConfig, Engine, Precision
from training.agent.stacked import StackedActors
from training.agent.vec_env import SB3TradingVecEnv
from training.evaluate.walk import walk
from training.folds import Range

TRAIN_BARS, FRESH_BARS, EPISODE_BARS = 60_000, 20_000, 2_000
COST_PER_SIDE = 0.15

# Nothing but the planted costs: no stop-out, no drawdown rule, lots fine enough to follow equity.
MARKET = MarketConfig(
    lot_step=1e-4, min_lots=1e-4, margin_call_frac=0.0, stop_out_frac=0.0, max_drawdown_frac=None
)
ENV = EnvConfig(market=MARKET, episode_bars=EPISODE_BARS)
MAKERS: dict[str, Callable[..., PlantedMarket]] = {
    "planted": planted_market,
    "noise": noise_market,
    "leaked": leaked_future_market,
}


@dataclass(frozen=True, kw_only=True)
class Exam:
    """Bars to be judged on."""

    tape: Tape
    market: PlantedMarket


@dataclass(frozen=True, kw_only=True)
class World:
    """Bars to learn from, to choose weights on, and fresh ones to be judged on."""

    train: Tape
    validation: Exam
    fresh: Exam

    @classmethod
    def of(cls, kind: str, seed: int) -> World:
        """Make the three series of a seed; no seed's bars are another's."""
        taught = MAKERS[kind](n_bars=TRAIN_BARS, seed=10_000 + seed)
        fresh = MAKERS[kind](n_bars=FRESH_BARS, seed=20_000 + seed)
        validation = MAKERS[kind](n_bars=FRESH_BARS, seed=30_000 + seed)
        return cls(
            train=_tape(taught),
            validation=Exam(tape=_tape(validation), market=validation),
            fresh=Exam(tape=_tape(fresh), market=fresh),
        )


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a policy did on fresh bars: net and sides traded a bar, share of bars in a position."""

    net: float
    share: float | None
    sides: float
    exposure: float


def judge(policy: RecurrentActorCriticPolicy, exam: Exam) -> Score:
    """Walk the bars in episodes of `EPISODE_BARS`, each from flat and with empty memory."""
    last = len(exam.tape) - 1
    windows = [Range(a, min(a + EPISODE_BARS, last)) for a in range(0, last, EPISODE_BARS)]
    rows = walk(StackedActors([policy], len(windows)), exam.tape, ENV, windows)
    positions = np.concatenate([row.actions for row in rows] + [[1]]) - 1
    net = net_return_per_bar(positions, exam.market.returns, cost_per_side=COST_PER_SIDE)
    is_planted = exam.market.config.drift > 0
    return Score(
        net=net,
        share=bayes_share(exam.market, positions) if is_planted else None,
        sides=float(np.abs(np.diff(positions)).mean()),
        exposure=float(np.abs(positions).mean()),
    )


@dataclass(frozen=True, kw_only=True)
class Line:
    """One way to train: a label, the agent, and whether its learning rate falls to a tenth."""

    label: str
    agent: AgentConfig
    decays: bool = False


@dataclass(frozen=True, kw_only=True)
class Point:
    """An evaluation: after how many env steps and seconds of training, and what came out."""

    n_steps: int
    wall_s: float
    cpu_s: float
    score: Score


@dataclass(kw_only=True)
class Watch(BaseCallback):
    """Evaluates between updates about every `every_steps`, with the clocks of training stopped.

    `best` are the weights with the highest net return on the exam's bars, and `best_point` when.
    """

    exam: Exam
    every_steps: int
    enough: Callable[[list[Point]], bool] = lambda _points: False
    points: list[Point] = field(default_factory=list)
    eval_s: float = 0.0
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_point: Point | None = None

    def __post_init__(self) -> None:
        super().__init__()
        self._wall_s = self._cpu_s = 0.0
        self._next = self.every_steps

    def _on_training_start(self) -> None:
        self._marks = perf_counter(), process_time()

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self._next:
            self._evaluate()

    def _on_step(self) -> bool:
        return not (self.points and self.enough(self.points))

    def _on_training_end(self) -> None:
        if not (self.points and self.points[-1].n_steps + self.every_steps > self.num_timesteps):
            self._evaluate()

    def _evaluate(self) -> None:
        self._wall_s += perf_counter() - self._marks[0]
        self._cpu_s += process_time() - self._marks[1]
        started_s = perf_counter()
        policy = self.model.policy
        assert isinstance(policy, RecurrentActorCriticPolicy)
        score = judge(policy, self.exam)
        self.eval_s += perf_counter() - started_s
        point = Point(
            n_steps=self.num_timesteps, wall_s=self._wall_s, cpu_s=self._cpu_s, score=score
        )
        self.points.append(point)
        if self.best_point is None or score.net > self.best_point.score.net:
            self.best_point = point
            self.best = {name: weight.clone() for name, weight in policy.state_dict().items()}
        self._next = self.num_timesteps + self.every_steps
        self._marks = perf_counter(), process_time()


def built(line: Line, world: World, seed: int) -> RecurrentPPO:
    """Build the agent of a line on the training bars."""
    env = TradingVectorEnv(world.train, ENV, n_envs=line.agent.n_envs, random_starts=True)
    agent = build_agent(SB3TradingVecEnv(env), line.agent, seed=seed, device="cpu")
    if line.decays:
        agent.lr_schedule = lambda remaining: line.agent.learning_rate * (0.1 + 0.9 * remaining)
    return agent


def train(line: Line, world: World, seed: int, *, budget_steps: int, watch: Watch) -> RecurrentPPO:
    """Train from scratch until the watch has seen enough, or for the budget."""
    return built(line, world, seed).learn(budget_steps, callback=watch)


TUNED = AgentConfig(
    engine="stock", lstm_hidden_size=128, net_arch=(64,), n_envs=16, n_steps=128, batch_size=512,
    n_epochs=6, learning_rate=1e-3, ent_coef=0.01,
)  # fmt: skip
OURS = AgentConfig(
    engine="chunked", lstm_hidden_size=64, net_arch=(64,), n_envs=64, n_steps=64, batch_size=1024,
    n_epochs=4, learning_rate=1e-3, clip_range=0.4, ent_coef=0.01,
)  # fmt: skip
STOCK = Line(label="stock, tuned", agent=TUNED)
SAME = Line(label="engine, same settings", agent=replace(TUNED, engine="chunked"))
BEST = Line(label="engine, our choice", agent=OURS)
STEADY = Line(
    label="engine, steady",
    agent=replace(OURS, n_envs=256, batch_size=4096, ent_coef=0.03),
    decays=True,
)
ORIGINAL = Line(label="stock, original", agent=replace(ORIGINAL_AGENT, engine="stock"))
LINES = {"stock": STOCK, "same": SAME, "best": BEST}
ENOUGH_SHARE = 0.85
ORIGINAL_STEPS = 100_000
PROOF_EVERY_STEPS = 16_384


def held(points: Sequence[Point]) -> bool:
    """Whether the last two evaluations both reached `ENOUGH_SHARE` of the Bayes policy."""
    return len(points) > 1 and all((p.score.share or 0.0) >= ENOUGH_SHARE for p in points[-2:])


def quality(lines: Sequence[Line], options: argparse.Namespace) -> None:
    """Time each line until it holds the share; a seed that never does counts its whole budget."""
    for line in lines:
        runs = []
        for seed in options.seeds:
            runs.append(_to_quality(line, seed, options))
            _tell_seed(line, seed, runs[-1])
        reached = [run for run in runs if held(run.points)]
        last = [run.points[-1] for run in runs]
        print(
            f"{line.label:24} held {len(reached)}/{len(runs)}, median "
            f"{statistics.median(p.wall_s for p in last):6.2f} s by the wall clock and "
            f"{statistics.median(p.cpu_s for p in last):6.2f} s of CPU, "
            f"{statistics.median(p.n_steps for p in last):7.0f} steps; evaluations took "
            f"{statistics.median(run.eval_s for run in runs):.1f} s more",
            flush=True,
        )


def original(options: argparse.Namespace) -> None:
    """Run the original settings wholly, or time a few updates and say what the whole would take."""
    world, agent = World.of("planted", options.seeds[0]), ORIGINAL.agent
    n_steps = ORIGINAL_STEPS if options.whole else options.updates * agent.rollout_steps
    watch = Watch(exam=world.fresh, every_steps=n_steps)
    train(ORIGINAL, world, options.seeds[0], budget_steps=n_steps, watch=watch)
    last = watch.points[-1]
    whole_s, whole_cpu_s = (s * ORIGINAL_STEPS / last.n_steps for s in (last.wall_s, last.cpu_s))
    how = "measured" if options.whole else "EXTRAPOLATED"
    print(
        f"{ORIGINAL.label:24} {last.wall_s:.1f} s, {last.cpu_s:.1f} s of CPU, for "
        f"{last.n_steps} steps with share {last.score.share or 0.0:.2f}; {how}: {whole_s:.0f} s, "
        f"{whole_cpu_s:.0f} s of CPU, for {ORIGINAL_STEPS} steps"
    )


def proofs(options: argparse.Namespace) -> None:
    """Train on the three kinds of market; print what came out and whether it is in its band.

    Weights are chosen on validation bars; the fresh bars are walked once.
    """
    for engine in options.engines:
        line = replace(
            STEADY, agent=_with(STEADY.agent, engine=engine, precision=options.precision)
        )
        for kind in options.markets:
            passed = [_proven(line, kind, seed, options) for seed in options.seeds]
            print(f"{engine} {kind:8} {sum(passed)} of {len(passed)} seeds pass", flush=True)


def _proven(line: Line, kind: str, seed: int, options: argparse.Namespace) -> bool:
    words, passes = PROOFS[kind]
    world = World.of(kind, seed)
    watch = Watch(exam=world.validation, every_steps=PROOF_EVERY_STEPS)
    agent = train(line, world, seed, budget_steps=options.steps, watch=watch)
    assert isinstance(agent.policy, RecurrentActorCriticPolicy)
    assert watch.best_point is not None
    last, ceiling = watch.points[-1], _ceiling(kind, world.fresh.market)
    final = judge(agent.policy, world.fresh)
    agent.policy.load_state_dict(watch.best)
    score = judge(agent.policy, world.fresh)
    passed = passes(score, ceiling)
    print(
        f"{'pass' if passed else 'FAIL'} {line.agent.engine} {kind:8} seed {seed}: net "
        f"{score.net:+.4f} a bar ({words}; best {ceiling:.4f}), {score.sides:.4f} sides a bar, in "
        f"a position {score.exposure:.0%}; chosen at {watch.best_point.n_steps} of "
        f"{last.n_steps} steps, {last.wall_s:.1f} s; the last weights {final.net:+.4f}",
        flush=True,
    )
    return passed


def _to_quality(line: Line, seed: int, options: argparse.Namespace) -> Watch:
    agent = line.agent
    if agent.engine != "stock":
        agent = _with(agent, precision=options.precision)
    world = World.of("planted", seed)
    watch = Watch(exam=world.fresh, every_steps=4096, enough=held)
    train(replace(line, agent=agent), world, seed, budget_steps=options.budget, watch=watch)
    return watch


def _with(agent: AgentConfig, *, precision: Precision, engine: Engine | None = None) -> AgentConfig:
    return replace(agent, precision=precision, engine=engine or agent.engine)


def _tell_seed(line: Line, seed: int, run: Watch) -> None:
    last = run.points[-1]
    shares = " ".join(f"{point.score.share or 0.0:.2f}" for point in run.points[-12:])
    print(
        f"{line.label:24} seed {seed}: {'held' if held(run.points) else 'NOT held'} after "
        f"{last.n_steps} steps, {last.wall_s:.2f} s by the wall clock, {last.cpu_s:.2f} s of CPU; "
        f"last shares {shares}",
        flush=True,
    )


def _ceiling(kind: str, market: PlantedMarket) -> float:
    """Best net return a bar: of the Bayes policy, of staying flat, of knowing the next return."""
    if kind == "planted":
        return threshold_policy_return(market, optimum_of(market.config).policy)
    return 0.0 if kind == "noise" else clairvoyant_return(market.returns)


def clairvoyant_return(returns: NDArray[np.float64]) -> float:
    """Best net return a bar for who knows each next return: dynamic programming over positions."""
    states = np.array([-1, 0, 1])
    fees = COST_PER_SIDE * np.abs(states[:, None] - states[None, :])
    value = np.array([-np.inf, 0.0, -np.inf])
    for r in returns[1:]:
        value = (value[:, None] - fees).max(axis=0) + states * r
    return float(value.max() / (len(returns) - 1))


# Noise: 20,000 bars have a standard error of 0.007 a bar for an agent that is always in the market;
# three of those, and at most one side in 50 bars, against 0.89 of an untrained agent.
PROOFS: dict[str, tuple[str, Callable[[Score, float], bool]]] = {
    "planted": ("at least 85%", lambda s, best: s.net >= ENOUGH_SHARE * best),
    "noise": ("within 0.021, <= 0.02 sides", lambda s, _: abs(s.net) <= 0.021 and s.sides <= 0.02),
    "leaked": ("at least 90%", lambda s, best: s.net >= 0.9 * best),
}


def main() -> None:
    """Run the proofs, or time to quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("proofs", "quality"))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--engines", nargs="*", default=["chunked"], help="of the proofs")
    parser.add_argument("--markets", nargs="*", choices=list(PROOFS), default=list(PROOFS))
    parser.add_argument("--steps", type=int, default=196_608, help="training of a proof")
    parser.add_argument("--budget", type=int, default=200_000, help="most steps to quality")
    parser.add_argument("--lines", nargs="*", default=["stock", "same", "best", "original"])
    parser.add_argument("--updates", type=int, default=3, help="of the original, then extrapolated")
    parser.add_argument("--whole", action="store_true", help="run the original's 100,000 steps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread")
    if options.part == "proofs":
        proofs(options)
        return
    quality([LINES[name] for name in options.lines if name != "original"], options)
    if "original" in options.lines:
        original(options)


def _tape(market: PlantedMarket) -> Tape:
    seen = reference_observations(market.returns)
    if market.bars.extra:
        seen = np.column_stack([seen, market.bars.extra["leak"]]).astype(np.float32)
    return make_tape(market.bars, seen, MARKET)


if __name__ == "__main__":
    main()
