"""Reading the results folder of a run: what counts, and what is said where it is none."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.training.compare.made_up_runs import make_run
from training.compare.finished import is_run, read_finished, runs_in
from training.errors import StoreError
from training.folds import Range


def test_a_run_is_read_fold_by_fold(tmp_path):
    run = read_finished(make_run(tmp_path / "42", returns=(0.1, -0.05), times_s=[3.0, 4.0], seed=7))
    assert (run.name, run.seed, run.n_planned, run.is_complete) == ("42", 7, 2, True)
    first, second = run.folds
    assert (first.test, second.test) == (Range(2_500, 3_000), Range(3_000, 3_500))
    assert (first.duration_s, second.duration_s) == (3.0, 4.0)
    assert first.score == pytest.approx(math.log(1.1))
    assert len(second.returns) == 500
    assert math.prod(1 + second.returns) == pytest.approx(0.95)
    assert run.fold_at(Range(3_000, 3_500)) is second
    assert run.fold_at(Range(3_000, 3_499)) is None


def test_settings_leave_out_what_no_training_depends_on(tmp_path):
    one = read_finished(
        make_run(tmp_path / "1", seed=1, profile="fast", data_path="/elsewhere.csv")
    )
    other = read_finished(make_run(tmp_path / "2", seed=2, folds__max_folds=3))
    assert one.settings == other.settings
    assert one.settings["agent.precision"] == "fp32"


@pytest.mark.parametrize(
    ("changes", "chained"),
    [
        ({}, False),
        ({"chained": True}, True),
        ({"rules__adaptive_timesteps": {"mode": "convergence"}}, True),
        ({"initial_model": "m.zip"}, True),
    ],
)
def test_folds_are_chained_by_what_they_take_over(tmp_path, changes, chained):
    assert read_finished(make_run(tmp_path / "42", **changes)).is_chained == chained


def test_an_unfinished_run_has_the_folds_that_it_saved(tmp_path):
    run = read_finished(make_run(tmp_path / "42", returns=(0.1,), n_planned=5))
    assert (len(run.folds), run.n_planned, run.is_complete) == (1, 5, False)


def test_a_folder_that_is_no_run_is_called_what_it_is(tmp_path):
    make_run(tmp_path / "many" / "1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    benchmark = tmp_path / "bench" / "benchmark"
    make_run(benchmark / "runs" / "original-0")
    (benchmark / "plan.json").write_text("{}")
    for name, came, mend in (
        ("missing", "nothing of that name", "walkfast history"),
        ("empty", "without the configuration", "walkfast history"),
        ("file", "a file", str(tmp_path)),
        ("many", "a folder of several runs", str(tmp_path / "many" / "1")),
        ("bench", "the folder of a benchmark", "original-0"),
        ("bench/benchmark", "the folder of a benchmark", "original-0"),
    ):
        with pytest.raises(StoreError) as error:
            read_finished(tmp_path / name)
        assert came in error.value.came, name
        assert mend in error.value.mend, name


def test_a_run_beside_a_benchmark_is_a_run(tmp_path):
    folder = make_run(tmp_path / "42")
    (folder / "benchmark").mkdir()
    (folder / "benchmark" / "plan.json").write_text("{}")
    assert is_run(folder)
    assert read_finished(folder).name == "42"


def test_a_run_without_a_whole_fold_says_how_it_goes_on(tmp_path):
    with pytest.raises(StoreError, match="none of 3 folds") as error:
        read_finished(make_run(tmp_path / "42", returns=(), n_planned=3))
    assert "the same walkfast train command" in error.value.mend


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("config.json", "{", "must be JSON"),
        ("config.json", '{"format_version": 1}', "KeyError: 'config'"),
        ("config.json", '{"format_version": 9}', "format_version 1"),
        ("folds/000/fold.json", '{"format_version": 1, "test": 3}', "what walkfast train writes"),
        ("folds/000/test_equity.csv", "time,agent\n", "501 rows"),
        ("folds/000/test_equity.csv", "time\n1\n", "must be readable"),
        ("folds/000/test_equity.csv", "agent\n" + "nan\n" * 501, "0 of them finite"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, text, says):
    folder = make_run(tmp_path / "42")
    (folder / name).write_text(text)
    with pytest.raises(StoreError) as error:
        read_finished(folder)
    assert says in str(error.value)
    assert str(folder) in error.value.where


def test_a_fold_without_its_equity_is_refused(tmp_path):
    folder = make_run(tmp_path / "42")
    (folder / "folds/002/test_equity.csv").unlink()
    with pytest.raises(StoreError, match="must be readable"):
        read_finished(folder)


def test_a_seed_of_several_is_known_by_its_folder(tmp_path):
    for seed in (10, 2):
        make_run(tmp_path / "gold" / str(seed), seed=seed)
    assert not read_finished(tmp_path / "gold" / "2").is_one_of_seeds
    (tmp_path / "gold" / "seeds.json").write_text("{}")
    run = read_finished(tmp_path / "gold" / "2")
    assert (run.name, run.is_one_of_seeds) == ("gold/2", True)
    assert [path.name for path in runs_in(tmp_path / "gold")] == ["2", "10"]


def test_files_that_may_not_be_read_are_the_users_to_mend(tmp_path, monkeypatch):
    folder = make_run(tmp_path / "42")

    def refusing(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refusing)
    with pytest.raises(StoreError, match="Permission denied"):
        read_finished(folder)


def test_files_of_before_the_precision_was_recorded_are_read(tmp_path):
    folder = make_run(tmp_path / "42")
    content = json.loads((folder / "config.json").read_text())
    del content["precision"], content["lstm_kernel"]
    (folder / "config.json").write_text(json.dumps(content))
    assert read_finished(folder).settings["agent.precision"] == "fp32"
