"""What the rows say: what each candidate earns and costs, with intervals, and who is on the front.

A candidate is on the front when none both earns more and costs less. Not here: making rows
(`bench.search.trial`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench.search.grounds import PLANTED
from training.significance.intervals import Interval, percentile_interval

N_RESAMPLES = 2_000
STUCK_SHARE = 0.5
PACE = "pace"
"""What rows that time the original are called."""
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a candidate came to.

    Attributes:
        candidate: Its name.
        share: Mean share of Bayes on fresh bars, planted grounds weighing the same.
        interval: Of that, seeds resampled within grounds; None with less than three seeds.
        by_ground: Share of each ground.
        stuck_frac: Share of folds below `STUCK_SHARE`.
        n_folds: Folds it rests on.
        n_steps, cpu_s: Mean of a fold.
    """

    candidate: str
    share: float
    interval: Interval | None
    by_ground: Mapping[str, float]
    stuck_frac: float
    n_folds: int
    n_steps: float
    cpu_s: float

    def beats(self, other: Standing) -> bool:
        """Whether this one is no worse in both and better in one."""
        no_worse = self.share >= other.share and self.cpu_s <= other.cpu_s
        return no_worse and (self.share, self.cpu_s) != (other.share, other.cpu_s)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, a repeated trial once; every timing of the original counts."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    first = {json.dumps(row_key(row)): row for row in reversed(rows)}
    return [
        row for row in rows if row["candidate"] == PACE or first[json.dumps(row_key(row))] is row
    ]


def row_key(row: Row) -> tuple[object, ...]:
    """Return what tells one row from another."""
    return tuple(row.get(name) for name in ("candidate", "ground", "seed", "fold_index"))


def on_common_ground(rows: Iterable[Row]) -> list[Row]:
    """Leave out planted trials that not every candidate had: others' markets were other markets."""
    planted = [row for row in rows if row["ground"] in PLANTED and row["candidate"] != PACE]
    chains: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for row in planted:
        chains[row["candidate"]].add((row["ground"], row["seed"]))
    common = set.intersection(*chains.values()) if chains else set()
    return [row for row in planted if (row["ground"], row["seed"]) in common]


def standings(rows: Iterable[Row]) -> list[Standing]:
    """Return what each candidate came to on the planted grounds, the best first."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["ground"] in PLANTED:
            grouped[row["candidate"]].append(row)
    found = [_standing(name, group) for name, group in grouped.items()]
    return sorted(found, key=lambda item: -item.share)


def layers(found: Sequence[Standing]) -> list[list[Standing]]:
    """Peel fronts off: the first is the front, the next that of the rest, and so on."""
    left, peeled = list(found), []
    while left:
        front = [item for item in left if not any(other.beats(item) for other in left)]
        peeled.append(front)
        left = [item for item in left if item not in front]
    return peeled


def survivors(found: Sequence[Standing], n_kept: int) -> list[str]:
    """Return who goes on: whole fronts, and of the one that is too many those who earn most."""
    ranked = [
        item.candidate
        for front in layers(found)
        for item in sorted(front, key=lambda item: -item.share)
    ]
    return ranked[:n_kept]


def _standing(candidate: str, rows: Sequence[Row]) -> Standing:
    chains: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        chains[row["ground"]][row["seed"]].append(row["fresh_share"])
    by_ground = {
        ground: np.array([mean(shares) for shares in seeds.values()])
        for ground, seeds in sorted(chains.items())
    }
    return Standing(
        candidate=candidate,
        share=float(np.mean([values.mean() for values in by_ground.values()])),
        interval=_interval(list(by_ground.values())),
        by_ground={ground: float(values.mean()) for ground, values in by_ground.items()},
        stuck_frac=mean(row["fresh_share"] < STUCK_SHARE for row in rows),
        n_folds=len(rows),
        n_steps=mean(row["n_steps"] for row in rows),
        cpu_s=mean(row["cpu_s"] for row in rows),
    )


def _interval(groups: Sequence[np.ndarray]) -> Interval | None:
    """Resample seeds within grounds, one draw less than there are (McCarthy and Snowden 1985)."""
    least = min(len(values) for values in groups)
    if least < 3:
        return None
    rng = np.random.default_rng(0)
    draws = [
        values[rng.integers(len(values), size=(N_RESAMPLES, len(values) - 1))].mean(axis=1)
        for values in groups
    ]
    return percentile_interval(
        np.mean(draws, axis=0),
        confidence=0.9,
        freedom=sum(len(values) - 1 for values in groups),
        method="seeds resampled within grounds",
    )
