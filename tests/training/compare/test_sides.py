"""Which runs belong together, and which never do."""

from __future__ import annotations

import pytest

from envs.errors import ConfigError
from tests.training.compare.made_up_runs import make_run
from training.compare.finished import read_finished
from training.compare.sides import check_distinct, differences, group, make_side


@pytest.fixture
def made(tmp_path):
    return lambda name, **options: read_finished(make_run(tmp_path / name, **options))


def test_a_side_holds_one_run_a_seed_in_their_order(made):
    side = make_side("A", [made("x", seed=3), made("y", seed=1)])
    assert [run.seed for run in side.runs] == [1, 3]


def test_a_side_refuses_another_training_with_what_differs(made):
    runs = [made("x", seed=1), made("y", seed=2, agent__learning_rate=2e-3)]
    with pytest.raises(ConfigError, match=r"agent\.learning_rate 0\.001 and 0\.002"):
        make_side("A", runs)


def test_a_side_refuses_the_same_seed_twice(made):
    with pytest.raises(ConfigError, match="seed 1 in"):
        make_side("B", [made("x", seed=1), made("y", seed=1)])


def test_two_runs_are_two_sides_whatever_they_are(made):
    a, b = group([[made("x", seed=1)], [made("y", seed=2)]])
    assert (a.label, a.runs[0].name, b.label, b.runs[0].name) == ("A", "x", "B", "y")


def test_more_runs_are_sorted_by_their_settings_in_the_order_named(made):
    fast = {"agent__learning_rate": 2e-3}
    runs = [made("f2", seed=2, **fast), made("s1", seed=1), made("f1", seed=1, **fast)]
    a, b = group([[run] for run in runs])
    assert [run.name for run in a.runs] == ["f1", "f2"]
    assert [run.name for run in b.runs] == ["s1"]


def test_more_runs_of_one_training_need_to_be_told_apart(made):
    runs = [made(str(seed), seed=seed) for seed in (1, 2, 3)]
    with pytest.raises(ConfigError, match="nothing but their seeds") as error:
        group([[run] for run in runs])
    assert "--a RUN" in str(error.value)


def test_the_same_folder_twice_is_refused_by_any_of_its_names(made, tmp_path):
    one = made("x")
    (tmp_path / "alias").symlink_to(tmp_path / "x")
    with pytest.raises(ConfigError, match="the same run twice"):
        check_distinct([one, read_finished(tmp_path / "alias")])


def test_differences_tell_a_missing_value_from_none():
    told = differences({"a": None, "b": 1, "c": 2}, {"b": 1, "c": 3})
    assert [(item.name, item.a, item.b) for item in told] == [("a", None, None), ("c", 2, 3)]
