"""What a fold came to and what a run adds up to: the records, and the summaries made from them.

Nothing is claimed that was not measured: a speed-up is null unless a baseline was measured in the
same run (`training.calibration`). Not here: writing files (`training.store`), tables of trades and
equity (`training.tables`), the measures themselves (`training.metrics`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from envs.bars import Bars
from envs.data.load import LoadedBars
from training.calibration import Calibration, SpeedUp, against_original
from training.config import RunConfig
from training.events import Decided, FoldFinished
from training.folds import Fold
from training.machine import describe_machine, peak_memory_bytes, versions
from training.metrics import Performance
from training.prepare import Prepared
from training.rules.counters import RuleCounters
from training.rules.decision import (
    ADAPTIVE_TIMESTEPS,
    EARLY_STOPPING,
    Decision,
    EvaluationPoint,
    FoldOutcome,
)
from training.rules.schedules import Hyperparameters
from training.store import FINAL_MODEL_FILE

HOW_COMPARED = (
    "seconds that the original training's own budget would take at the pace of some of its rounds, "
    "timed before a fold of this run without evaluations, by the mean seconds of a fold of this "
    "run, all of it; low and high are by the fastest and by the slowest of these rounds"
)


@dataclass(frozen=True, kw_only=True)
class AppliedHyperparameters:
    """Hyperparameters that updates ran with, read back from the agent.

    Attributes:
        n_steps: Env steps trained when they came into force.
        values: The values.
    """

    n_steps: int
    values: Hyperparameters


@dataclass(frozen=True, kw_only=True)
class FoldRecord:
    """All that is kept of a finished fold; `folds/000/fold.json`.

    Attributes:
        fold: Its ranges of bars.
        times: When each slice starts and stops, ISO, UTC.
        decisions: What the rules decided, in order.
        evaluations: Validation scores of the trained model, in order.
        hyperparameters: What the updates ran with, an entry for each change.
        outcome: The short history that later folds' rules read.
        chosen: `trained` or `incumbent`: which model was tested.
        validation_score: Its score on the validation bars.
        test: Its performance on the test bars.
        baselines: Performance of `flat`, `buy_and_hold` and `random` on the same bars.
        n_updates: PPO updates made.
        stage_s: Wall seconds by stage.
        stage_cpu_s: CPU seconds by stage, all threads; empty in older folds.
        duration_s: Wall seconds of the whole fold.
        weights_sha256: Fingerprint of the chosen model's weights.
    """

    fold: Fold
    times: Mapping[str, str]
    decisions: tuple[Decision, ...]
    evaluations: tuple[EvaluationPoint, ...]
    hyperparameters: tuple[AppliedHyperparameters, ...]
    outcome: FoldOutcome
    chosen: str
    validation_score: float
    test: Performance
    baselines: Mapping[str, Performance]
    n_updates: int
    stage_s: Mapping[str, float]
    duration_s: float
    weights_sha256: str
    stage_cpu_s: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        content: dict[str, Any] = TypeAdapter(FoldRecord).dump_python(self, mode="json")
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FoldRecord:
        """Read back what `to_json` wrote."""
        values = {name: value for name, value in content.items() if name != "format_version"}
        return TypeAdapter(FoldRecord).validate_python(values)

    @property
    def n_steps(self) -> int:
        """Env steps trained."""
        return self.outcome.steps_trained


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What the summaries of a run are made of.

    Attributes:
        config: Its settings.
        folder: Where its files lie.
        records: Its folds, in order.
        counters: What each rule decided, saved and cost.
        data: What `describe_data` said of the bars.
        calibration: How fast the original training is here; None where it was not timed.
        setup_s: Wall seconds before the first fold, by stage.
        setup_cpu_s: CPU seconds of the same.
        n_parameters: Weights of one model.
        out_of_sample: Performance of the stitched test slices.
        baselines: That of `flat`, `buy_and_hold` and `random` on the same bars.
        chance: Whether the agent's stitched equity beats chance (`training.significance.chance`).
        price_change_frac: Of the close, from the first test decision to the last test mark.
    """

    config: RunConfig
    folder: Path
    records: Sequence[FoldRecord]
    counters: RuleCounters
    data: Mapping[str, Any]
    calibration: Calibration | None
    setup_s: Mapping[str, float]
    setup_cpu_s: Mapping[str, float]
    n_parameters: int
    out_of_sample: Performance
    baselines: Mapping[str, Performance]
    chance: Mapping[str, Any]
    price_change_frac: float


def decided(fold_index: int, decision: Decision) -> Decided:
    """Say in an event what a rule decided."""
    return Decided(
        fold_index=fold_index, rule=decision.rule, value=decision.value, reason=decision.reason
    )


def fold_finished(record: FoldRecord) -> FoldFinished:
    """Say in an event what a fold came to."""
    return FoldFinished(
        fold_index=record.fold.index,
        n_steps=record.n_steps,
        stopped_early=record.outcome.stopped_early,
        validation_score=record.validation_score,
        test_return_frac=record.test.total_return_frac,
        test_buy_and_hold_frac=record.baselines["buy_and_hold"].total_return_frac,
        n_test_trades=record.test.n_trades,
        duration_s=record.duration_s,
    )


def optimization_config(config: RunConfig) -> dict[str, Any]:
    """Return `optimization_config.json`: the historical keys, and every rule's mode."""
    rules = config.rules
    stopping = rules.early_stopping
    return {
        "adaptive_timesteps": rules.adaptive_timesteps.enabled,
        "warm_start": rules.warm_start.enabled,
        "early_stopping_patience": stopping.patience_evaluations if stopping.enabled else 0,
        "progressive_training": rules.schedule.enabled,
        "cache_environments": rules.cache.enabled,
        "base_timesteps": rules.adaptive_timesteps.base_timesteps,
        "min_timesteps": rules.adaptive_timesteps.min_timesteps,
        "eval_freq": rules.evaluation_schedule.every_steps,
        "rules": rules.switches(),
        "timestamp": now(),
    }


def training_state(records: Sequence[FoldRecord], n_folds: int) -> dict[str, Any]:
    """Return the historical keys of `training_state_optimized.json` that follow from the folds."""
    durations_s = [record.duration_s for record in records]
    return {
        "iteration_times": durations_s,
        "avg_iteration_time": float(np.mean(durations_s)) if durations_s else None,
        "total_iterations": n_folds,
        "completed_iterations": len(records),
    }


def optimization_summary(facts: RunFacts) -> dict[str, Any]:
    """Return `optimization_summary.json`; speed-ups are null where the original was not timed."""
    saved = facts.counters.by_rule
    budget_steps = saved[ADAPTIVE_TIMESTEPS].saved or 0
    stopped_steps = saved[EARLY_STOPPING].saved or 0
    durations_s = [record.duration_s for record in facts.records]
    measured = run_speed_up(facts.calibration, facts.records)
    return {
        "optimization_completed": True,
        "total_speedup_achieved": None if measured is None else measured.value,
        "total_timesteps_saved": int(budget_steps + stopped_steps),
        "early_stops": sum(record.outcome.stopped_early for record in facts.records),
        "warm_starts": sum(not record.outcome.is_fresh for record in facts.records),
        "avg_iteration_time_minutes": float(np.mean(durations_s)) / 60,
        "estimated_time_saved_hours": None
        if measured is None
        else (measured.original_fold_s - measured.mean_fold_s) * len(facts.records) / 3600,
        "calibration": _calibration(facts.calibration, measured),
        "completion_timestamp": now(),
        "rules": facts.counters.to_json(),
    }


def run_speed_up(calibration: Calibration | None, records: Sequence[FoldRecord]) -> SpeedUp | None:
    """Return how many times as fast the folds were as the original's; None where not timed."""
    if calibration is None:
        return None
    stage_s = [record.stage_s for record in records]
    trained_s = sum(stages["rollout"] + stages["update"] for stages in stage_s)
    return against_original(
        calibration,
        mean_fold_s=float(np.mean([record.duration_s for record in records])),
        steps_per_s=sum(record.n_steps for record in records) / trained_s,
    )


def _calibration(
    calibration: Calibration | None, measured: SpeedUp | None
) -> dict[str, Any] | None:
    if calibration is None or measured is None:
        return None
    return {**calibration.to_json(), "speed_up": asdict(measured), "how_measured": HOW_COMPARED}


def performance_summary(facts: RunFacts) -> dict[str, Any]:
    """Return `training_performance_summary.json`: what the run came to, out of sample."""
    records = facts.records
    n_train_bars = sum(record.fold.train.n_bars for record in records) / len(records)
    measured = run_speed_up(facts.calibration, records)
    return {
        "training_method": facts.config.method,
        "completion_time": now(),
        "configuration": optimization_config(facts.config),
        "final_model_path": str(facts.folder / FINAL_MODEL_FILE),
        "seed": facts.config.seed,
        "profile": facts.config.profile,
        "out_of_sample": facts.out_of_sample.to_json(),
        "baselines": {name: item.to_json() for name, item in facts.baselines.items()},
        "chance": dict(facts.chance),
        "price_change_frac": facts.price_change_frac,
        "folds": [_fold_row(record) for record in records],
        "stage_s": added_up(facts.setup_s, *(record.stage_s for record in records)),
        "stage_cpu_s": added_up(facts.setup_cpu_s, *(record.stage_cpu_s for record in records)),
        "duration_s": sum(facts.setup_s.values()) + sum(item.duration_s for item in records),
        "total_speedup_achieved": None if measured is None else measured.value,
        "peak_memory_bytes": peak_memory_bytes(),
        "n_parameters": facts.n_parameters,
        "parameters_per_train_bar": facts.n_parameters / n_train_bars,
        "data": dict(facts.data),
        "machine": describe_machine(),
        "versions": versions(),
    }


def _fold_row(record: FoldRecord) -> dict[str, Any]:
    outcome = record.outcome
    return {
        "fold_index": record.fold.index,
        "test_start": record.times["test_start"],
        "test_stop": record.times["test_stop"],
        "n_steps": record.n_steps,
        "budget_steps": outcome.budget_steps,
        "stopped_early": outcome.stopped_early,
        "warm_start_from": outcome.warm_started_from,
        "chosen": record.chosen,
        "validation_score": record.validation_score,
        "test_return_frac": record.test.total_return_frac,
        "test_buy_and_hold_frac": record.baselines["buy_and_hold"].total_return_frac,
        "n_test_trades": record.test.n_trades,
        "duration_s": record.duration_s,
    }


def added_up(*parts: Mapping[str, float]) -> dict[str, float]:
    """Return the sum of seconds by stage."""
    total: dict[str, float] = {}
    for part in parts:
        for stage, seconds in part.items():
            total[stage] = total.get(stage, 0.0) + seconds
    return total


def price_change_frac(bars: Bars, first: Fold, last: Fold) -> float:
    """Return how the close changed from the first test decision to the last test mark."""
    return float(bars.close[last.test.stop] / bars.close[first.test.start]) - 1


def fold_times(bars: Bars, fold: Fold) -> dict[str, str]:
    """Return the open time of each slice's first decision bar and of the bar of its last mark."""
    slices = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    return {
        f"{name}_{end}": iso_time(int(bars.time_us[getattr(slice_, end)]))
        for name, slice_ in slices.items()
        for end in ("start", "stop")
    }


def describe_data(loaded: LoadedBars, prepared: Prepared) -> dict[str, Any]:
    """Return what is recorded of the bars: source, content hash, span, instrument."""
    bars = loaded.bars
    return {
        **loaded.source.to_json(),
        "fingerprint": bars.fingerprint,
        "symbol": bars.symbol,
        "timeframe": bars.timeframe.name,
        "point_size": bars.point_size,
        "contract_size": prepared.tape.contract_size,
        "contract_size_reason": prepared.tape.contract_size_reason,
        "currency_conversion": prepared.tape.currency_conversion,
        "currency_conversion_reason": prepared.tape.currency_conversion_reason,
        "n_bars": len(bars),
        "first_bar": iso_time(int(bars.time_us[0])),
        "last_bar": iso_time(int(bars.time_us[-1])),
    }


def iso_time(time_us: int) -> str:
    """Return microseconds since 1970 as ISO 8601 text, UTC."""
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).isoformat()


def now() -> str:
    """Return the time of day as ISO 8601 text, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
