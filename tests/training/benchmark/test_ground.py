"""What a run rests on: the hash of the sources, and what of it differs between runs."""

from __future__ import annotations

from tests.training.benchmark import made_up
from training.benchmark.ground import (
    code_sha256,
    differences,
    ground,
    hash_of_sources,
    shared_ground,
)


def sources(root, **files):
    for name, text in files.items():
        path = root / "training" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return hash_of_sources(root)


def test_a_hash_is_of_names_and_contents_and_of_nothing_else(tmp_path):
    first = sources(tmp_path / "a", one="x = 1\n", two="")
    assert sources(tmp_path / "b", two="", one="x = 1\r\n") == first
    (tmp_path / "b" / "training" / "notes.txt").write_text("no code")
    (tmp_path / "b" / "docs").mkdir()
    (tmp_path / "b" / "docs" / "conf.py").write_text("x = 2")
    assert hash_of_sources(tmp_path / "b") == first
    assert sources(tmp_path / "c", one="x = 2\n", two="") != first
    assert sources(tmp_path / "d", one="x = 1\n", three="") != first
    assert sources(tmp_path / "e", one="", two="x = 1\n") != first


def test_this_process_has_a_hash_of_its_own_sources():
    told = ground()
    assert told["code"] == code_sha256()
    assert len(told["code"]) == 64
    assert told["code"] != hash_of_sources(made_up_folder())
    assert told["versions"]["walkfast"]


def made_up_folder():
    from pathlib import Path

    return Path(__file__).parent


def units(*codes):
    return [
        {**made_up.unit("optimized", 42 + n), "ground": code and {**made_up.GROUND, "code": code}}
        for n, code in enumerate(codes)
    ]


def test_runs_on_the_same_ground_differ_in_nothing():
    assert list(differences(units("a" * 64, "a" * 64))) == []
    assert list(differences([])) == []


def test_a_run_that_does_not_tell_is_told():
    (told,) = differences(units("a" * 64, None))
    assert told.startswith("Of an older version of walkfast, 1 of 2 runs:")
    assert list(differences(units(None, None))) == []  # nothing is known: the page says nothing


def test_the_ground_of_a_benchmark_is_that_of_its_last_run():
    assert shared_ground(units("a" * 64, "b" * 64, None))["code"] == "b" * 64
    assert shared_ground(units(None)) == ground()
