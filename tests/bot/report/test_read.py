import json

import pytest

from bot.report.read import listed, nested, read_run
from training.errors import StoreError


def test_a_whole_run_is_read(fake_run):
    run = read_run(fake_run(n_folds=3))
    assert run.name == "42"
    assert run.summary["seed"] == 42
    assert [fold["fold"]["index"] for fold in run.folds] == [0, 1, 2]
    assert len(run.equity) == 1501
    assert list(run.equity) == ["time", "fold_index", "agent", "buy_and_hold", "random"]
    assert len(run.ledger) == 123


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(StoreError, match="needs the results of a run"):
        read_run(tmp_path)


def test_a_damaged_file_is_an_error_and_not_a_gap(fake_run):
    folder = fake_run(n_folds=1)
    (folder / "folds" / "000" / "fold.json").write_text("{")
    with pytest.raises(StoreError, match="must be JSON"):
        read_run(folder)


def test_a_file_of_another_version_is_refused(fake_run):
    folder = fake_run(n_folds=1)
    (folder / "config.json").write_text(json.dumps({"format_version": 99}))
    with pytest.raises(StoreError, match="format_version 1"):
        read_run(folder)


def test_a_table_that_is_no_csv_is_an_error(fake_run):
    folder = fake_run(n_folds=1)
    (folder / "stitched_ledger.csv").write_text('a,b\n1,"2\n3,4,5,6\n')
    with pytest.raises(StoreError, match="must be CSV"):
        read_run(folder)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n"])
def test_a_table_without_its_columns_counts_as_missing(fake_run, content):
    folder = fake_run(n_folds=1)
    (folder / "stitched_equity.csv").write_text(content)
    (folder / "stitched_ledger.csv").write_text(content)
    run = read_run(folder)
    assert run.equity is None
    assert run.ledger is None


def test_rows_that_are_not_finite_are_left_out_of_a_picture(fake_run):
    folder = fake_run(n_folds=1)
    (folder / "stitched_equity.csv").write_text(
        "time,agent\n2021-01-01T00:00:00+00:00,1\nnever,2\n2021-01-02T00:00:00+00:00,inf\n"
        "2021-01-03T00:00:00+00:00,x\n2021-01-04T00:00:00+00:00,4\n"
    )
    assert read_run(folder).equity["agent"].tolist() == [1.0, 4.0]


def test_curves_that_begin_at_nothing_are_left_out(fake_run):
    folder = fake_run(n_folds=1)
    path = folder / "stitched_equity.csv"
    path.write_text("time,agent,random\n2021-01-01,1,0\n2021-01-02,2,5\n")
    assert list(read_run(folder).equity) == ["time", "agent"]
    path.write_text("time,agent\n2021-01-01,0\n2021-01-02,2\n")
    assert read_run(folder).equity is None


def test_a_header_without_trades_is_an_empty_ledger(fake_run):
    assert read_run(fake_run(n_folds=1, n_trades=0)).ledger.empty


def test_nested_values_of_a_wrong_kind_are_empty():
    assert nested({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    assert nested({"a": 5}, "a", "b") == {}
    assert listed({"a": [{"b": 1}, 2, "x"]}, "a") == [{"b": 1}]
    assert listed({"a": "x"}, "a") == []


def test_the_trades_of_later_folds_grow_with_the_account(fake_run):
    folder = fake_run(n_folds=1)
    (folder / "stitched_ledger.csv").write_text(
        "direction,net,swap,account_scale\n1,10,2,1.0\n-1,10,2,1.5\n"
    )
    ledger = read_run(folder).ledger
    assert ledger.to_dict("list") == {
        "direction": [1, -1],
        "swap": [2.0, 3.0],
        "net": [10.0, 15.0],
    }
