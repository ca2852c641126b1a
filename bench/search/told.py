"""The rows as Markdown tables. Not here: what they mean (`bench.search.front`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from statistics import mean, median

from bench.search.front import PACE, Row, Standing, layers, on_common_ground, standings
from bench.search.grounds import LATER, PLANTED, REAL
from training.config import original_config


def original_fold_cpu_s(rows: Iterable[Row]) -> float | None:
    """Return the CPU seconds of a fold of the original: its budget at stock's median pace."""
    paces = [row["cpu_s"] / row["n_steps"] for row in rows if row["candidate"] == PACE]
    steps = original_config().rules.adaptive_timesteps.base_timesteps
    return median(paces) * steps if paces else None


def front_table(rows: Sequence[Row]) -> str:
    """Return one line for each candidate on the planted trials that all had, the best first."""
    found = standings(on_common_ground(rows))
    front = layers(found)[0] if found else []
    original_s = original_fold_cpu_s(rows)
    head = ["candidate", "share of Bayes (90%)", *PLANTED, "stuck", "folds", "steps a fold"]
    head += ["CPU s a fold", "times the original"]
    lines = [_cells(head), _cells(["---"] * len(head))]
    return "\n".join(lines + [_cells(_told(item, item in front, original_s)) for item in found])


def real_table(rows: Sequence[Row], chosen: Collection[str]) -> str:
    """Return mean log returns on real bars: validation, and later test bars of the chosen."""
    names = sorted({row["candidate"] for row in rows if row["ground"] in REAL})
    head = ["candidate", *(f"{name}, validation" for name in REAL)]
    head += [f"{name}, later test" for name in REAL]
    lines = [_cells(head), _cells(["---"] * len(head))]
    for name in names:
        mine = [row for row in rows if row["candidate"] == name]
        cells = [_mean(mine, ground, "validation_score") for ground in REAL]
        shown = name in chosen
        cells += [_mean(mine, f"{g}{LATER}", "test_score") if shown else "" for g in REAL]
        lines.append(_cells([name, *cells]))
    return "\n".join(lines)


def _told(item: Standing, on_front: bool, original_s: float | None) -> list[str]:
    interval = item.interval
    spread = f" ({interval.low:.2f} to {interval.high:.2f})" if interval else ""
    times = "n/a" if original_s is None else f"{original_s / item.cpu_s:,.0f}"
    name = f"**{item.candidate}**" if on_front else item.candidate
    shares = [f"{item.by_ground[g]:.2f}" if g in item.by_ground else "" for g in PLANTED]
    return [
        name,
        f"{item.share:.2f}{spread}",
        *shares,
        f"{item.stuck_frac:.0%}",
        str(item.n_folds),
        f"{item.n_steps:,.0f}",
        f"{item.cpu_s:.2f}",
        times,
    ]


def _mean(rows: Iterable[Row], ground: str, name: str) -> str:
    values = [row[name] for row in rows if row["ground"] == ground]
    return f"{mean(values):+.3f} ({len(values)})" if values else ""


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
