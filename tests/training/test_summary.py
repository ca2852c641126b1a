"""Records of folds and the summaries made from them."""

from __future__ import annotations

import pytest

from tests.training import small_runs
from training.store import fold_name, read_run_file
from training.summary import FoldRecord, added_up


def test_seconds_by_stage_add_up_and_keep_their_order():
    parts = ({"load": 1.0, "update": 2.0}, {}, {"update": 0.5, "test": 0.25})
    assert added_up(*parts) == {"load": 1.0, "update": 2.5, "test": 0.25}
    assert list(added_up(*parts)) == ["load", "update", "test"]
    assert added_up() == {}


def test_a_run_has_cpu_seconds_of_every_stage_and_older_folds_are_still_read(tmp_path):
    finished = small_runs.run(tmp_path, small_runs.tiny_config(folds__max_folds=1))
    summary = finished.summary
    assert summary["stage_cpu_s"].keys() == summary["stage_s"].keys()
    assert summary["stage_cpu_s"]["update"] > 0
    content = read_run_file(next(tmp_path.glob(f"*/{fold_name(0, 'fold.json')}")))
    assert FoldRecord.from_json(content).stage_cpu_s == pytest.approx(content["stage_cpu_s"])
    del content["stage_cpu_s"]
    assert FoldRecord.from_json(content).stage_cpu_s == {}
