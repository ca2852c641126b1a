"""`Side`: runs that are the same training with several seeds, and which runs are such a side.

Not here: reading runs (`training.compare.finished`), matching two sides
(`training.compare.pairing`).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envs.errors import ConfigError
from training.compare.finished import FinishedRun

_NONE = object()
_MOST_LISTED = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """One of the trainings that are compared.

    Attributes:
        label: `A`, `B`, ...
        runs: Its runs, one a seed, by seed.
    """

    label: str
    runs: tuple[FinishedRun, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that all its runs share."""
        return self.runs[0].settings

    @property
    def is_chained(self) -> bool:
        """Whether the folds of a run hang together."""
        return any(run.is_chained for run in self.runs)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A setting that is not the same on both sides; None stands for one that is not recorded."""

    name: str
    a: Any
    b: Any


def make_side(label: str, runs: Sequence[FinishedRun]) -> Side:
    """Take runs as one side.

    Raises:
        ConfigError: If they are not the same training, or two have the same seed.
    """
    assert runs, "a side without runs"
    first = runs[0]
    for run in runs[1:]:
        if told := differences(first.settings, run.settings):
            raise ConfigError(
                f"Runs of one side may differ in their seeds only, and {run.name} is another "
                f"training than {first.name}",
                came=_listed(told),
                where=f"side {label}",
                mend="put runs of other settings on the other side, or leave them out",
            )
    ordered = sorted(runs, key=lambda run: run.seed)
    for one, other in itertools.pairwise(ordered):
        if one.seed == other.seed:
            raise ConfigError(
                "Every run of one side needs a seed of its own: the same seed twice adds nothing",
                came=f"seed {one.seed} in {one.folder} and in {other.folder}",
                where=f"side {label}",
                mend="leave one of them out, or put it on the other side",
            )
    return Side(label=label, runs=tuple(ordered))


def group(named: Sequence[Sequence[FinishedRun]]) -> tuple[Side, ...]:
    """Sort runs into sides by their settings, in the order in which they were named.

    Two names are always two sides. Of more, runs that differ in their seeds only are one side.

    Args:
        named: The runs that each name stands for: one, or those of several seeds.

    Raises:
        ConfigError: If there are not two sides among them.
    """
    if len(named) == 2:
        return tuple(make_side(label, runs) for label, runs in zip("AB", named, strict=True))
    runs = [run for group in named for run in group]
    groups: dict[str, list[FinishedRun]] = {}
    for run in runs:
        groups.setdefault(json.dumps(run.settings, sort_keys=True), []).append(run)
    if len(groups) == 1 and runs:
        raise ConfigError(
            "More than two runs are sorted by their settings, and need two different ones",
            came="runs that differ in nothing but their seeds",
            mend="say which are compared with which: --a RUN [RUN] --b RUN [RUN]",
        )
    return tuple(make_side(_label(index), members) for index, members in enumerate(groups.values()))


def check_distinct(runs: Iterable[FinishedRun]) -> None:
    """Refuse a run that is named twice.

    Raises:
        ConfigError: If two of them are the same folder.
    """
    seen: dict[object, FinishedRun] = {}
    for run in runs:
        folder = run.folder.resolve()
        if folder in seen:
            raise ConfigError(
                "A run can be compared with other runs only",
                came=f"the same run twice, as {seen[folder].folder} and as {run.folder}",
                mend="name another run; walkfast history lists them",
            )
        seen[folder] = run


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what is not the same in two mappings, by name."""
    return tuple(
        Difference(name=name, a=a.get(name), b=b.get(name))
        for name in sorted(a.keys() | b.keys())
        if a.get(name, _NONE) != b.get(name, _NONE)
    )


def _listed(told: Sequence[Difference]) -> str:
    words = [f"{item.name} {item.a!r} and {item.b!r}" for item in told[:_MOST_LISTED]]
    more = [f"{len(told) - _MOST_LISTED} more"] if len(told) > _MOST_LISTED else []
    return "; ".join([*words, *more])


def _label(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"A{index}"
