import json

import numpy as np
import pandas as pd
import pytest

from training.errors import StoreError
from training.events import Noticed
from training.store import RunStore, free_folder


def test_a_run_that_writes_nothing_leaves_no_folder(tmp_path):
    with pytest.raises(RuntimeError), RunStore(tmp_path / "42"):
        raise RuntimeError
    assert not (tmp_path / "42").exists()


def test_json_comes_back_with_its_version(tmp_path):
    with RunStore(tmp_path / "42") as store:
        store.write("a.json", {"x": 1})
        assert store.read("a.json") == {"format_version": 1, "x": 1}
        assert store.read("missing.json") is None


@pytest.mark.parametrize("text", ["", "{", '{"x": 1}', '{"format_version": 99}', "[1]"])
def test_a_file_that_cannot_be_believed_is_refused_and_named(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with RunStore(tmp_path) as store, pytest.raises(StoreError, match=r"a\.json"):
        store.read("a.json")


def test_two_writers_of_one_run_are_refused(tmp_path):
    with (
        RunStore(tmp_path / "42"),
        pytest.raises(StoreError, match="One process"),
        RunStore(tmp_path / "42"),
    ):
        pass


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "42").write_text("")
    with pytest.raises(StoreError, match="writable"), RunStore(tmp_path / "42"):
        pass


def test_tables_keep_every_digit(tmp_path):
    table = pd.DataFrame({"x": np.array([0.1 + 0.2, 1e-300, 12345678.123456789])})
    with RunStore(tmp_path / "42") as store:
        store.write_table("a.csv", table)
    back = pd.read_csv(tmp_path / "42" / "a.csv")
    np.testing.assert_array_equal(back["x"], table["x"])


def test_events_are_appended_one_a_line(tmp_path):
    with RunStore(tmp_path / "42") as store:
        store.append_event(Noticed(level="info", message="one"))
        store.append_event(Noticed(level="info", message="two\nlines"))
    lines = (tmp_path / "42" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["one", "two\nlines"]


def test_a_fresh_run_takes_the_first_free_folder(tmp_path):
    assert free_folder(tmp_path / "42").name == "42"
    (tmp_path / "42").mkdir()
    (tmp_path / "42-2").mkdir()
    assert free_folder(tmp_path / "42").name == "42-3"


def test_a_line_that_a_crash_cut_short_does_not_swallow_the_next_one(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"event": "Noticed"}\n{"event": "Progr')
    with RunStore(tmp_path) as store:
        store.append_event(Noticed(level="info", message="next"))
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["message"] == "next"
    assert len(lines) == 3


def test_a_folder_with_a_run_keeps_its_lock_file_and_can_be_locked_again(tmp_path):
    for _ in range(2):
        with RunStore(tmp_path / "42") as store:
            store.write("a.json", {})
    assert (tmp_path / "42" / ".lock").exists()
