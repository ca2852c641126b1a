"""`benchmark.json` for its report: arms and measures. What is absent or no number is None.

Not here: what follows from the numbers (`training.benchmark.results`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.report.read import listed, nested
from bot.wording import as_number, clean
from training.benchmark.arms import (
    OPTIMIZED,
    ORIGINAL,
    ORIGINAL_16_ENVS,
    ORIGINAL_EXACT,
    PLUS,
    SWITCHES,
    WITHOUT,
)
from training.benchmark.session import RESULT_FILE
from training.errors import StoreError
from training.store import read_run_file

MAIN_ARMS = (ORIGINAL, ORIGINAL_16_ENVS, ORIGINAL_EXACT, OPTIMIZED)
_NOT_DRAWN = re.compile(r"[^\w +,.-]", re.ASCII)
_MAX_LABEL_LENGTH = 32


@dataclass(frozen=True, kw_only=True)
class Measure:
    """An estimate as the file has it.

    Attributes:
        value: None where nothing was measured.
        low: Lower end of its interval; None without one.
        high: Upper end.
        confidence: Coverage of the interval.
        n_values: Runs or pairs that it rests on.
        warnings: What a reader has to know.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    n_values: int = 0
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: object) -> Measure:
        """Read what `training.significance` wrote; a number alone has no interval."""
        if (number := as_number(source)) is not None:
            return cls(value=number)
        interval, told = nested(source, "interval"), nested(source).get("warnings")
        low, high = as_number(interval.get("low")), as_number(interval.get("high"))
        has_interval = low is not None and high is not None and low <= high
        return cls(
            value=as_number(nested(source).get("value")),
            low=low if has_interval else None,
            high=high if has_interval else None,
            confidence=as_number(interval.get("confidence")),
            n_values=int(as_number(nested(source).get("n_values")) or 0),
            warnings=tuple(clean(text) for text in told) if isinstance(told, list) else (),
        )

    def includes(self, value: float) -> bool:
        """Whether there is an interval and the value lies in it."""
        return self.low is not None and self.high is not None and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmView:
    """An arm as the pictures need it.

    Attributes:
        name: Its key in the file.
        label: Safe to be drawn into a picture.
        content: What the file says of it.
        against: What the file says of it against the original; empty for the original.
        units: Its finished runs.
    """

    name: str
    label: str
    content: Mapping[str, Any]
    against: Mapping[str, Any]
    units: tuple[Mapping[str, Any], ...]

    @property
    def is_main(self) -> bool:
        """Whether it is no part of the ablation."""
        return self.name in MAIN_ARMS

    @property
    def is_whole(self) -> bool:
        """Whether whole folds were trained, so that they were tested."""
        return self.content.get("kind") == "whole"

    @property
    def fold_s(self) -> float | None:
        """Seconds of a fold, measured or extrapolated."""
        return as_number(self.content.get("fold_s"))

    @property
    def is_extrapolated(self) -> bool:
        """Whether a fold's time follows from a pace."""
        return self.content.get("fold_s_is") == "extrapolated"

    def measure(self, name: str) -> Measure:
        """Return a measure of it against the original."""
        return Measure.of(self.against.get(name))

    def folds(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Yield (run, fold) of every fold that it trained whole."""
        for unit in self.units:
            for fold in listed(unit, "folds"):
                yield unit, fold


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A finished benchmark.

    Attributes:
        name: Name of the run's folder.
        content: All of `benchmark.json`.
        arms: In the order of the file, the original first.
    """

    name: str
    content: Mapping[str, Any]
    arms: tuple[ArmView, ...]

    def arm(self, name: str) -> ArmView | None:
        """Return an arm, None where it was not planned."""
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def others(self) -> tuple[ArmView, ...]:
        """All arms but the original."""
        return tuple(arm for arm in self.arms if arm.name != ORIGINAL)

    @property
    def main_arms(self) -> tuple[ArmView, ...]:
        """The arms outside the ablation."""
        return tuple(arm for arm in self.arms if arm.is_main)

    @property
    def profile(self) -> str:
        """Name of the profile that was judged."""
        return clean(self.content.get("profile", OPTIMIZED), max_length=40)


def read_benchmark(folder: Path) -> Benchmark:
    """Read what a benchmark left behind.

    Args:
        folder: `results/<run>/benchmark`.

    Raises:
        StoreError: If there is no `benchmark.json`, or it is damaged.
    """
    content = read_run_file(folder / RESULT_FILE)
    if content is None or not nested(content, "arms"):
        raise StoreError(
            "A report needs the numbers of a benchmark",
            came="no file" if content is None else "no arms in it",
            where=str(folder / RESULT_FILE),
            mend="name the folder of a benchmark, such as results/42/benchmark",
        )
    return benchmark_of(folder.resolve().parent.name, content)


def benchmark_of(name: str, content: Mapping[str, Any]) -> Benchmark:
    """Sort the content of `benchmark.json` into arms."""
    units = listed(content, "units")
    arms = [
        ArmView(
            name=arm,
            label=arm_label(arm),
            content=nested(content, "arms", arm),
            against=nested(content, "against_original", arm),
            units=tuple(
                unit for unit in units if unit.get("arm") == arm and unit.get("status") == "done"
            ),
        )
        for arm in nested(content, "arms")
    ]
    return Benchmark(name=name, content=content, arms=tuple(arms))


def arm_label(name: str) -> str:
    """Return what an arm is called in pictures; only harmless characters of an unknown one."""
    for prefix, sign in ((PLUS, "+ "), (WITHOUT, "without ")):
        if name.startswith(prefix) and name.removeprefix(prefix) in SWITCHES:
            return sign + switch_label(name.removeprefix(prefix))
    return _drawable(name.replace("_", " "))


def switch_label(name: str) -> str:
    """Return what a switch of the ablation is called in pictures."""
    known = SWITCHES.get(name)
    return _drawable(name.replace("_", " ")) if known is None else known.removeprefix("the ")


def _drawable(words: str) -> str:
    return _NOT_DRAWN.sub(
        "?", clean(words, max_length=_MAX_LABEL_LENGTH).replace("\N{HORIZONTAL ELLIPSIS}", ".")
    )
