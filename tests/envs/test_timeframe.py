import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import ConfigError
from envs.timeframe import US_PER_SECOND, Timeframe


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("1h", 3600), ("1d", 86_400), ("1w", 604_800), ("30s", 30)]
)
def test_parse_reads_a_name_and_name_gives_it_back(text, seconds):
    timeframe = Timeframe.parse(text)
    assert timeframe.step_us == seconds * US_PER_SECOND
    assert timeframe.name == text


def test_name_uses_the_largest_whole_unit():
    assert Timeframe.parse("60m").name == "1h"
    assert Timeframe.parse("90m").name == "90m"
    assert Timeframe(step_us=1500).name == "1500us"


@pytest.mark.parametrize("text", ["", "m", "15", "1.5h", "-1h", "0m", "1y"])
def test_parse_refuses_what_is_not_a_positive_count_and_a_unit(text):
    with pytest.raises(ConfigError):
        Timeframe.parse(text)


def test_infer_takes_the_most_frequent_step_over_gaps():
    minutes = np.array([0, 15, 30, 45, 3000, 3015])
    assert Timeframe.infer(minutes * 60 * US_PER_SECOND).name == "15m"


@pytest.mark.parametrize("times", [[], [5], [5, 5]])
def test_infer_needs_two_distinct_times(times):
    with pytest.raises(ConfigError):
        Timeframe.infer(np.array(times, dtype=np.int64))


@given(st.integers(1, 10_000), st.sampled_from("smhdw"))
def test_names_round_trip(count, unit):
    timeframe = Timeframe.parse(f"{count}{unit}")
    assert Timeframe.parse(timeframe.name) == timeframe
