"""Checks of what a row holds: finite, positive, high above low, no change of scale.

Read next: `envs.data.validate`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.data.draft import PRICE_NAMES, Draft, row_text
from envs.data.point_size import infer_point_size
from envs.data.problems import problem_where
from envs.data.report import Problem

ROUNDING = 1e-9  # relative; adjusted prices differ in their last bits
_SCALE_TOLERANCE = 0.06  # in decades: factors 8.7 to 11.5 count as ten
_MAX_LONG_SHARE = 0.01  # of bars whose high is ten times the low
_DROPS = "--repair drops these rows"


def check_prices(draft: Draft) -> list[Problem]:
    """Check every row by itself, and each close against the one before."""
    problems = [*_check_finite(draft), *_check_signs(draft), *_check_scale(draft)]
    if labels_exchanged(draft):
        return [*problems, *_exchanged_problem(draft)]
    return [*problems, *_check_range(draft), *_check_extra(draft)]


def bad_range(draft: Draft) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows with high below low, and other rows with open or close outside of high and low."""
    open_, high, low, close = (draft.columns[name] for name in PRICE_NAMES)
    slack = ROUNDING * np.abs(high)
    below = high < low - slack
    outside = (np.maximum(open_, close) > high + slack) | (np.minimum(open_, close) < low - slack)
    return below, outside & ~below


def labels_exchanged(draft: Draft) -> bool:
    """Tell whether high and low stand in each other's column: wrong so, right exchanged."""
    below, _ = bad_range(draft)
    if 2 * below.sum() < max(1, len(draft)):
        return False
    exchanged = draft.with_columns(high=draft.columns["low"], low=draft.columns["high"])
    return not any(mask.any() for mask in bad_range(exchanged))


def not_finite(draft: Draft) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows with a missing value, and rows with an infinite one; unreadable rows are not counted."""
    missing = np.any([np.isnan(column) for column in draft.columns.values()], axis=0)
    infinite = np.any([np.isinf(column) for column in draft.columns.values()], axis=0)
    if draft.bad_numbers:
        missing &= ~draft.mask(draft.bad_numbers)
    return missing, infinite


def not_positive(draft: Draft) -> NDArray[np.bool_]:
    """Rows with a price of zero or below."""
    bad: NDArray[np.bool_] = np.any([draft.columns[name] <= 0 for name in PRICE_NAMES], axis=0)
    return bad


def _check_finite(draft: Draft) -> list[Problem]:
    missing, infinite = not_finite(draft)

    def tell(index: int) -> str:
        values = {name: column[index] for name, column in draft.columns.items()}
        return ", ".join(f"{name} is {v}" for name, v in values.items() if not np.isfinite(v))

    return [
        *problem_where(draft, missing, kind="missing_value", says="Values are missing (NaN)",
                       tell=tell, mend=_DROPS),
        *problem_where(draft, infinite, kind="infinite_value", says="Values are too large",
                       tell=tell, mend=_DROPS),
    ]  # fmt: skip


def _check_signs(draft: Draft) -> list[Problem]:
    volume, spread = draft.columns["volume"], draft.columns["spread_points"]
    return [
        *problem_where(
            draft, not_positive(draft), kind="price_not_positive", mend=_DROPS,
            says="Prices are zero or below", tell=lambda i: row_text(draft, i),
        ),
        *problem_where(
            draft, volume < 0, kind="negative_volume", says="Volumes are below zero",
            tell=lambda i: f"volume {volume[i]:g}", mend="--repair sets them to 0",
        ),
        *problem_where(
            draft, spread < 0, kind="negative_spread", says="Spreads are below zero",
            tell=lambda i: f"spread {spread[i]:g}", mend="--repair sets them to 0",
        ),
        *_check_spread_unit(draft),
    ]  # fmt: skip


def _check_spread_unit(draft: Draft) -> list[Problem]:
    """A spread that is no whole number of points is a difference of prices, or a mean.

    Which of the two cannot be told, and costs would be wrong a hundred or a thousand times.
    """
    spread = draft.columns["spread_points"]
    broken = np.isfinite(spread) & (spread != np.rint(spread))
    if not broken.any():
        return []
    point = infer_point_size(draft.columns[name] for name in PRICE_NAMES)
    return problem_where(
        draft, broken, kind="spread_not_in_points",
        says="Spreads are counted in points, and these are no whole points: a difference of "
        "prices, or a mean",
        tell=lambda i: f"spread {spread[i]:g}",
        mend=f"divide differences of prices by the point size (probably {point:g}), round means; "
        "or name the column otherwise and give --spread_points",
    )  # fmt: skip


def _check_range(draft: Draft) -> list[Problem]:
    below, outside = bad_range(draft)
    mend = "--repair widens the bar to hold all four prices"
    return [
        *problem_where(
            draft, below, kind="high_below_low", says="The high is below the low",
            tell=lambda i: row_text(draft, i), mend=mend,
        ),
        *problem_where(
            draft, outside, kind="outside_range",
            says="The open or close is above the high or below the low",
            tell=lambda i: row_text(draft, i), mend=mend,
        ),
    ]  # fmt: skip


def _exchanged_problem(draft: Draft) -> list[Problem]:
    below, outside = bad_range(draft)
    return problem_where(
        draft, below | outside, kind="high_low_exchanged",
        says=f"The high is below the low in {int(below.sum())} of {len(draft)} rows, and with the "
        "two columns exchanged every row is sound: their labels stand in the wrong order",
        tell=lambda i: row_text(draft, i), mend="--repair exchanges the two columns",
    )  # fmt: skip


def _check_scale(draft: Draft) -> list[Problem]:
    """A step to ten, a hundred or a thousand times the price, or down, between two bars.

    Between bars such a move is not real, unless shares were split.
    """
    close, open_ = draft.columns["close"], draft.columns["open"]
    decades = np.zeros(len(draft))
    with np.errstate(all="ignore"):
        decades[1:] = np.log10(open_[1:] / close[:-1])
    return [
        *problem_where(
            draft, _is_power_of_ten(decades), kind="price_scale_changes",
            says="Prices change by a power of ten from one bar to the next: another unit, a lost "
            "decimal mark, or a split",
            tell=lambda i: f"close {close[max(i - 1, 0)]:g}, then {row_text(draft, i)}",
            mend="bring all rows to one scale; --repair cannot know which is right",
        ),
        *_check_wicks(draft),
    ]  # fmt: skip


def _check_wicks(draft: Draft) -> list[Problem]:
    """A high or low that is ten times, or a power of ten, away from the open and the close.

    Within a bar such a move can be real (a coin that collapses), but hardly to a power of ten, and
    not in many bars.
    """
    open_, high, low, close = (draft.columns[name] for name in PRICE_NAMES)
    with np.errstate(all="ignore"):
        above = np.log10(high / np.maximum(open_, close))
        below = np.log10(np.minimum(open_, close) / low)
        long = np.log10(high / low) > 1 - _SCALE_TOLERANCE
    long &= np.isfinite(high) & (low > 0)
    scaled = long & (_is_power_of_ten(above) | _is_power_of_ten(below))
    if long.sum() > max(2, _MAX_LONG_SHARE * len(draft)):
        scaled = long
    return [
        *problem_where(
            draft, scaled, kind="wick_scale",
            says="The high or low is a power of ten away from the open and the close, or ten times "
            "in many bars: another unit, or a lost decimal mark",
            tell=lambda i: row_text(draft, i),
            mend="bring all prices to one scale; --repair cannot know which is right",
        ),
        *problem_where(
            draft, long & ~scaled, kind="long_wick", severity="warning",
            says="The high is ten times the low or more", tell=lambda i: row_text(draft, i),
        ),
    ]  # fmt: skip


def _is_power_of_ten(decades: NDArray[np.float64]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        near = np.abs(decades - np.rint(decades)) < _SCALE_TOLERANCE
        return near & (np.abs(np.rint(decades)) >= 1) & np.isfinite(decades)


def _check_extra(draft: Draft) -> list[Problem]:
    found: list[Problem] = []
    for name, column in draft.extra.items():
        found += problem_where(
            draft, ~np.isfinite(column), kind="extra_not_finite", severity="warning",
            says=f"Extra column {name!r} has holes and is left out", tell=lambda _: "no number",
            mend="--repair fills each hole with the value before it",
        )  # fmt: skip
    return found
