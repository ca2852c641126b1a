import json

import pytest

from bot.report.benchmark.read import Measure, arm_label, benchmark_of, read_benchmark, switch_label
from tests.bot.report.benchmark import made_up_benchmark as made
from training.errors import StoreError


def test_an_estimate_keeps_its_interval_and_its_warnings():
    measure = Measure.of({**made.estimate(2.0, 0.5), "warnings": ["few\x1b[31m seeds"]})
    assert (measure.value, measure.low, measure.high, measure.confidence) == (2.0, 1.5, 2.5, 0.9)
    assert measure.warnings == ("few\N{REPLACEMENT CHARACTER}[31m seeds",)


@pytest.mark.parametrize(
    "interval",
    [None, 5, {}, {"low": 1.0}, {"low": 2.0, "high": 1.0}, {"low": float("nan"), "high": 1.0}],
)
def test_half_an_interval_is_none(interval):
    measure = Measure.of({"value": 1.5, "interval": interval})
    assert (measure.value, measure.low, measure.high) == (1.5, None, None)
    assert not measure.includes(1.5)


def test_an_interval_includes_its_ends():
    measure = Measure.of(made.estimate(1.5, 0.5))
    assert measure.includes(1.0)
    assert measure.includes(2.0)
    assert not measure.includes(2.01)


@pytest.mark.parametrize("source", [None, "x", [], {}, {"value": "1"}, {"value": True}])
def test_what_is_no_estimate_has_no_value(source):
    assert Measure.of(source) == Measure()


def test_a_bare_number_is_an_estimate_without_an_interval():
    assert Measure.of(0.25) == Measure(value=0.25)


def test_arms_are_called_what_they_are_and_strangers_are_harmless():
    assert arm_label("original_16_envs") == "original 16 envs"
    assert arm_label("plus_engine") == "+ engine"
    assert arm_label("without_cache") == "without preprocessing cache"
    assert switch_label("engine") == "engine"
    assert arm_label("<b>$x$\x1b") == "?b??x??"
    assert len(arm_label("x" * 500)) <= 32


def test_units_go_to_their_arms_and_failed_ones_to_none():
    content = made.content({"original": "timed", "optimized": "whole"}, failed=("optimized",))
    benchmark = benchmark_of("42", content)
    original, ours = benchmark.arms
    assert (len(original.units), len(ours.units)) == (3, 2)
    assert (original.is_whole, ours.is_whole) == (False, True)
    assert (original.is_extrapolated, ours.is_extrapolated) == (True, False)
    assert len(list(ours.folds())) == 4
    assert benchmark.others == (ours,)
    assert benchmark.arm("nobody") is None


@pytest.mark.parametrize("content", [None, {}, {"arms": []}, {"arms": {}}])
def test_a_folder_without_a_benchmark_is_refused(tmp_path, content):
    if content is not None:
        text = json.dumps({"format_version": 1, **content})
        (tmp_path / "benchmark.json").write_text(text)
    with pytest.raises(StoreError, match="needs the numbers of a benchmark"):
        read_benchmark(tmp_path)
