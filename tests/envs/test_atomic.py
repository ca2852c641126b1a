import json
import os

import pytest

from envs.atomic import atomic_writer, write_bytes, write_json


def test_a_file_appears_whole_and_leaves_no_temporary(tmp_path):
    write_bytes(tmp_path / "new" / "a.bin", b"content")
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"content"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.bin"]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError), atomic_writer(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_json_keeps_every_digit_and_every_letter(tmp_path):
    value = {"x": 0.1 + 0.2, "name": "Zürich"}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_a_file_gets_the_rights_that_the_umask_leaves(tmp_path):
    before = os.umask(0o022)
    try:
        write_bytes(tmp_path / "a.bin", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "a.bin").stat().st_mode & 0o777 == 0o644
