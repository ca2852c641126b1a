"""What a benchmark that goes on keeps from before, and what has become of its surroundings since.

Not here: which settings may not differ (`training.benchmark.session`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.benchmark.config import BenchmarkConfig
from training.benchmark.ground import flat_ground, ground
from training.benchmark.plan import Plan

Content = Mapping[str, Any]


def kept(stored: Content, config: BenchmarkConfig) -> Iterator[str]:
    """Yield what was settled when the benchmark was begun, and what was asked for in vain.

    Args:
        stored: Content of `plan.json`.
        config: What is asked for now.
    """
    plan = Plan.from_json(stored["plan"])
    asked = stored.get("asked")
    made_for = "" if asked is None else f", made for {asked['minutes']:g} minutes"
    yield (
        f"This benchmark goes on with its plan of {stored['begun'][:16]}{made_for}: folds "
        f"{plan.n_folds}, seeds {plan.n_seeds}."
    )
    if asked is None or asked["minutes"] != config.minutes:
        yield (
            f"The {config.minutes:g} minutes of now bound this session and change nothing in the "
            "plan; --fresh plans anew."
        )
    if config.n_seeds is not None and config.n_seeds < plan.n_seeds:
        yield f"It keeps its {plan.n_seeds} seeds, more than the {config.n_seeds} asked for now."
    elif config.n_seeds is not None and config.n_seeds > plan.n_seeds:
        yield f"Seeds {config.n_seeds} are asked for now: the runs that are missing are added."


def changed_surroundings(stored: Content, units: Sequence[Content] = ()) -> str | None:
    """Say with what and on which machine earlier runs were made, where that differs now.

    Args:
        stored: Content of `plan.json`.
        units: The runs so far.
    """
    earlier = [flat_ground(stored), *(flat_ground(unit.get("ground") or {}) for unit in units)]
    listed = []
    for name, today in flat_ground(ground()).items():
        others = dict.fromkeys(then[name] for then in earlier if then.get(name, today) != today)
        if others:
            listed.append(f"{name} {' and '.join(others)}, now {today}")
    if not listed:
        return None
    return (
        f"Earlier runs were made with {'; '.join(listed)}. Times of both stand in one table, which "
        "says so: take none of them as measured side by side, or begin anew with --fresh."
    )


def describe_bars(data: Content) -> str:
    """Name bars in a sentence."""
    return f"{data['symbol']} {data['timeframe']}, {data['n_bars']:,} bars"
