"""Day and month in each other's place, in a part of a file or in all of it."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from envs.data.swapped_days import swapped_rows
from envs.errors import DataError


def bars(times: list[str]) -> str:
    return "time,open,high,low,close\n" + "".join(f"{time},1,2,1,1\n" for time in times)


def hours(n_days: int, start: str = "2024-01-01") -> list[datetime]:
    return [datetime.fromisoformat(start) + timedelta(hours=hour) for hour in range(24 * n_days)]


def test_a_change_from_day_first_to_month_first_is_refused(loaded):
    times = hours(12)
    text = bars(
        [time.strftime("%d/%m/%Y %H:%M") for time in times[: 24 * 6]]
        + [time.strftime("%m/%d/%Y %H:%M") for time in times[24 * 6 :]]
    )
    for repair in (False, True):
        with pytest.raises(DataError, match="swapped_day_and_month, 1"):
            loaded(text, repair=repair)


def test_a_change_that_later_days_prove_is_refused_in_the_part_before(loaded):
    times = hours(40)
    text = bars(
        [time.strftime("%d/%m/%Y %H:%M") for time in times[: 24 * 12]]
        + [time.strftime("%m/%d/%Y %H:%M") for time in times[24 * 12 :]]
    )
    with pytest.raises(DataError, match=r"swapped_day_and_month(.|\n)*line 26: 2024-02-01"):
        loaded(text)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("form", ["%Y-%d-%m %H:%M:%S", "%Y.%d.%m %H:%M"])
def test_year_day_month_is_refused(loaded, form, backwards):
    times = [time.strftime(form) for time in hours(5)]
    with pytest.raises(DataError, match="swapped_day_and_month, 96x"):
        loaded(bars(times[::-1] if backwards else times), repair=True)


@pytest.mark.parametrize("step_days", [1, 3, 7, 14])
def test_regular_days_pass(step_days):
    days = np.arange(0, 4000, step_days) * 86_400_000_000
    assert not swapped_rows(days).any()
    assert not swapped_rows(days[::-1]).any()


def test_months_and_quarters_pass():
    for n_months in (1, 3, 12):
        months = (np.datetime64("2000-01", "M") + np.arange(60) * n_months).astype("datetime64[us]")
        assert not swapped_rows(months.astype(np.int64)).any()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(5))
def test_files_with_holes_pass(share, seed):
    rng = np.random.default_rng(seed)
    days = np.flatnonzero(rng.random(3000) < share)
    for bars_a_day in (1, 24):
        time_us = (days[:, None] * 24 + np.arange(bars_a_day)).ravel() * 3_600_000_000
        assert not swapped_rows(time_us).any()


def test_the_first_days_of_each_month_only_pass():
    first = [date(2024, month, day) for month in range(1, 13) for day in range(1, 13)]
    days = np.array(first, dtype="datetime64[us]").astype(np.int64)
    assert not swapped_rows(days).any()


def test_the_swapped_rows_are_marked_and_no_others():
    true = np.datetime64("2024-03-01", "D") + np.arange(12)
    written = true.copy()
    for index in range(4, 9):  # the 5th to the 9th of March
        written[index] = np.datetime64(f"2024-{index + 1:02d}-03")
    times = np.repeat(written.astype("datetime64[us]").astype(np.int64), 2)
    times[1::2] += 3_600_000_000
    expected = np.repeat((np.arange(12) >= 4) & (np.arange(12) < 9), 2)
    assert swapped_rows(times).tolist() == expected.tolist()
