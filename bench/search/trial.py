"""One trial: a candidate on a ground with a seed, through the walk-forward of every training run.

Rows say what each fold cost and what came out. Not here: which trials (`bench.profiles`), what
follows from the rows (`bench.search.front`).
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from bench.search.grounds import Ground
from bot.cli.sample import decided_positions
from envs.array_cache import ArrayCache
from envs.features import build_features
from envs.market import make_tape
from envs.synthetic import PlantedMarket, net_return_per_bar, optimum_of, threshold_policy_return
from training.agent.checkpoint import load_model
from training.benchmark.unit import PaceListener, run_job, test_score
from training.config import OutputConfig, RunConfig, original_config, to_json, with_values
from training.evaluate import evaluate_windows
from training.folds import Range
from training.store import FOLD_FILE, MODEL_FILE, fold_name, read_run_file
from training.summary import FoldRecord
from training.walk_forward import walk_forward

EPISODE_BARS = 2_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fold of one trial.

    Attributes:
        candidate, ground, seed, fold_index: Which.
        validation_score: Best log return on the validation bars; what a search may look at.
        fresh_share: Share of Bayes on the planted market's fresh bars; None with real bars.
        fresh_sides: Sides traded a bar there.
        test_score: Log return on the test bars; for reports of the chosen only.
        baseline_scores: The same of flat, buy-and-hold and random.
        n_steps, budget_steps: Env steps trained and allowed.
        best_step: Env steps of the best validation score.
        wall_s, cpu_s: What the fold took, all threads.
        stage_s: Its wall seconds by stage.
    """

    candidate: str
    ground: str
    seed: int
    fold_index: int
    validation_score: float
    fresh_share: float | None
    fresh_sides: float | None
    test_score: float
    baseline_scores: dict[str, float]
    n_steps: int
    budget_steps: int
    best_step: int
    wall_s: float
    cpu_s: float
    stage_s: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    def in_words(self) -> str:
        """Return one line; test scores are left out, so that nobody chooses by them."""
        share = "" if self.fresh_share is None else f"share {self.fresh_share:.2f}, "
        return (
            f"{self.ground} seed {self.seed} fold {self.fold_index} {self.candidate}: {share}"
            f"validation {self.validation_score:+.3f}, {self.n_steps:,} steps (best at "
            f"{self.best_step:,}), {self.cpu_s:.1f} s of CPU"
        )


def original_pace(ground: Ground, *, n_steps: int) -> dict[str, Any]:
    """Time the original on a ground: CPU and wall seconds of some rollouts and updates of stock."""
    config = with_values(original_config(), {**ground.values, "agent.n_threads": 1})
    job = {"kind": "timed", "config": to_json(config), "n_steps": n_steps}
    unit = run_job(job, lambda _config, _cache: ground.loaded)
    names = {"cpu_s": "timed_cpu_s", "wall_s": "timed_wall_s", "n_steps": "n_steps"}
    return {name: unit[source] for name, source in names.items()} | {"ground": ground.name}


def run_trial(
    candidate: str, config: RunConfig, ground: Ground, *, seed: int, cache: ArrayCache | None
) -> list[Row]:
    """Train and test every fold of a ground, whose values are in `config`; one row each."""
    config = with_values(config, {"seed": seed})
    listener = PaceListener()
    with tempfile.TemporaryDirectory() as folder:
        walk_forward(
            config,
            ground.loaded,
            OutputConfig(results_dir=Path(folder), run_name="run", tensorboard=False),
            provenance={},
            listener=listener,
            cache=cache,
        )
        run = Path(folder) / "run"
        judge = Judge(config, ground, cache)
        return [
            _row(candidate, ground.name, seed, run=run, listener=listener, index=index, judge=judge)
            for index in range(len(listener.folds))
        ]


class Judge:
    """Walks models over a planted ground's fresh bars."""

    def __init__(self, config: RunConfig, ground: Ground, cache: ArrayCache | None) -> None:
        self._config, self._ground = config, ground
        if ground.fresh is not None:
            bars = ground.loaded.bars
            features = build_features(bars, config.features, cache)
            self._tape = make_tape(bars, features, config.env.market)

    def share_and_sides(self, policy: RecurrentActorCriticPolicy) -> tuple[float, float] | None:
        """Return the share of Bayes on fresh bars and the sides traded a bar; None on real bars.

        Windows start flat with empty memory, and so does the Bayes policy's account.
        """
        market, fresh = self._ground.market, self._ground.fresh
        if market is None or fresh is None:
            return None
        windows = [
            Range(start, start + EPISODE_BARS)
            for start in range(fresh.start, fresh.stop, EPISODE_BARS)
        ]
        walked = evaluate_windows([policy], self._tape, self._config.env, windows)[0]
        n_bars = len(market.returns)
        positions = sum(
            (decided_positions(item.ledger, n_bars) for item in walked), np.zeros(n_bars, np.int64)
        )
        held = positions[fresh.start : fresh.stop + 1]
        part = _part(market, fresh)
        cost = market.config.cost_per_side
        net = net_return_per_bar(held, part.returns, cost_per_side=cost)
        best = threshold_policy_return(part, optimum_of(market.config).policy)
        return net / best, float(np.abs(np.diff(held, prepend=0)).mean())


def _part(market: PlantedMarket, window: Range) -> PlantedMarket:
    first, last = window.start, window.stop + 1
    return PlantedMarket(
        config=market.config,
        returns=market.returns[first:last],
        states=market.states[first:last],
        bars=market.bars.slice(first, last),
    )


def _row(
    candidate: str,
    ground: str,
    seed: int,
    *,
    run: Path,
    listener: PaceListener,
    index: int,
    judge: Judge,
) -> Row:
    content = read_run_file(run / fold_name(index, FOLD_FILE))
    assert content is not None, f"fold {index} was not saved"
    record = FoldRecord.from_json(content)
    judged = judge.share_and_sides(load_model(run / fold_name(index, MODEL_FILE)).policy)
    return Row(
        candidate=candidate,
        ground=ground,
        seed=seed,
        fold_index=index,
        validation_score=record.validation_score,
        fresh_share=None if judged is None else judged[0],
        fresh_sides=None if judged is None else judged[1],
        test_score=test_score(record.test),
        baseline_scores={name: test_score(item) for name, item in record.baselines.items()},
        n_steps=record.n_steps,
        budget_steps=record.outcome.budget_steps,
        best_step=record.outcome.best_step,
        wall_s=record.duration_s,
        cpu_s=listener.folds[index].cpu_s,
        stage_s=dict(record.stage_s),
    )
