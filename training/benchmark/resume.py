"""What a benchmark that goes on keeps from before, and what has become of its surroundings since.

Not here: which settings may not differ (`training.benchmark.session`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from training.benchmark.config import BenchmarkConfig
from training.benchmark.plan import Plan
from training.machine import describe_machine, versions

_MACHINE = ("processor", "n_usable_cores", "python")
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


def changed_surroundings(stored: Content) -> str | None:
    """Say in which versions and on which machine earlier runs were made, where that differs now."""
    then = _surroundings(stored.get("versions", {}), stored.get("machine", {}))
    today = _surroundings(versions(), describe_machine())
    listed = [
        f"{name} {then[name]}, now {today[name]}"
        for name in today
        if name in then and then[name] != today[name]
    ]
    if not listed:
        return None
    return (
        f"Earlier runs were made with {'; '.join(listed)}. Times of both stand in one table: take "
        "none of them as measured side by side, or begin anew with --fresh."
    )


def _surroundings(of_versions: Content, machine: Content) -> dict[str, Any]:
    return {**of_versions, **{name: machine[name] for name in _MACHINE if name in machine}}


def describe_bars(data: Content) -> str:
    """Name bars in a sentence."""
    return f"{data['symbol']} {data['timeframe']}, {data['n_bars']:,} bars"
