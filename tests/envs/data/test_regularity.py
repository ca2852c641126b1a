"""One timeframe, and where bars are missing."""

import numpy as np
import pytest

from envs.errors import DataError


def text(times) -> str:
    rows = "".join(f"{str(time)[:19]},1.5,2.5,1.25,1.75\n" for time in np.sort(times))
    return f"time,open,high,low,close\n{rows}"


def span(first: str, n: int, minutes: int) -> np.ndarray:
    return np.datetime64(first, "s") + np.arange(n) * np.timedelta64(minutes * 60, "s")


def kinds(result) -> list[str]:
    return [problem.kind for problem in result.source.problems]


@pytest.mark.parametrize("n_days", [4, 30])
def test_a_daily_head_on_an_hourly_file_is_refused_and_dropped_when_asked(loaded, us, n_days):
    head = span("2024-01-01", n_days, 1440)
    hours = span(str(head[-1] + np.timedelta64(1, "D")), 200, 60)
    both = np.concatenate([head, hours])
    with pytest.raises(
        DataError, match=f"irregular_timeframe, {n_days}x.*its head is in steps of 1d"
    ):
        loaded(text(both))
    mended = loaded(text(both), repair=True)
    assert mended.bars.time_us[0] == us(str(hours[0]))
    assert [repair.kind for repair in mended.source.repairs] == ["dropped_coarse_head"]


def test_a_coarser_stretch_in_the_middle_cannot_be_mended(loaded):
    times = np.concatenate(
        [
            span("2024-01-01", 200, 15),
            span("2024-01-03T02:00", 60, 60),
            span("2024-01-05T14:00", 200, 15),
        ]
    )
    with pytest.raises(DataError, match="a stretch is in steps of 1h"):
        loaded(text(times), repair=True)


def test_weekends_and_nightly_breaks_are_counted_as_sessions(loaded):
    hours = span("2024-01-01", 24 * 28, 60)
    day = (hours.astype("datetime64[D]").astype(int) + 3) % 7
    open_ = (day < 5) & (hours.astype("datetime64[h]").astype(int) % 24 != 22)
    result = loaded(text(hours[open_]))
    assert kinds(result) == ["session_gaps"]
    (gap,) = result.source.problems
    # Four Fridays end early; the last weekend has no bar after it.
    assert gap.severity == "warning"
    assert "3 weekends and 20 regular session breaks" in gap.says


def test_a_hole_is_a_warning_with_its_span_and_the_missing_bars(loaded):
    hours = span("2024-01-01", 100, 60)
    result = loaded(text(np.delete(hours, slice(40, 45))))
    (gap,) = result.source.problems
    assert (gap.kind, gap.count) == ("gaps", 1)
    assert gap.says.startswith("5 bars are missing")
    assert gap.first_rows == ("2024-01-02 15:00:00 to 2024-01-02 21:00:00",)


def test_months_and_weeks_are_regular(loaded):
    months = np.arange("2020-01", "2023-01", dtype="datetime64[M]").astype("datetime64[s]")
    assert kinds(loaded(text(months))) == []
    assert kinds(loaded(text(span("2020-01-06", 60, 7 * 1440)))) == []


def test_an_unfinished_last_bar_is_off_the_grid(loaded):
    times = np.append(span("2024-01-01", 30, 60), np.datetime64("2024-01-02T05:59:32"))
    with pytest.raises(DataError, match=r"off_grid_time, 1x.*line 32: 2024-01-02 05:59:32"):
        loaded(text(times))
    assert len(loaded(text(times), repair=True).bars) == 30


def test_four_hour_bars_of_a_local_clock_shift_with_summer_time(loaded):
    bars = loaded(text(span("2024-03-29", 60, 240)), timezone="America/New_York").bars
    assert bars.timeframe.name == "4h"
    result = loaded(text(span("2024-03-01", 90, 240)), timezone="Europe/Berlin")
    assert "off_grid_time" not in kinds(result)
