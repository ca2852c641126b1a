"""Jobs in real processes: threads, answers, failures, ends."""

from __future__ import annotations

import sys

import pytest

from training.benchmark.children import Job, ProcessRunner
from training.machine import THREAD_VARIABLES


def ask(tmp_path, code, *, timeout_s=30.0, n_threads=3):
    runner = ProcessRunner(
        command=(sys.executable, "-c", "import json, os, sys, time\n" + code),
        folder=tmp_path,
        environment={"OURS": "here"},
    )
    job = Job(name="j", content={"kind": "x"}, n_threads=n_threads, timeout_s=timeout_s)
    answer = runner(job)
    assert list(tmp_path.iterdir()) == []
    return answer


def test_an_answer_comes_back_and_threads_are_pinned(tmp_path):
    names = (*THREAD_VARIABLES, "OURS")
    code = (
        f"seen = {{name: os.environ[name] for name in {names!r}}}\n"
        "seen['job'] = json.load(open(sys.argv[1]))\n"
        "json.dump(seen, open(sys.argv[2], 'w'))"
    )
    answer = ask(tmp_path, code)
    assert answer.error is None
    assert answer.content == dict.fromkeys(THREAD_VARIABLES, "3") | {
        "OURS": "here",
        "job": {"kind": "x"},
    }
    assert answer.process_s > 0


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise SystemExit('boom')", "boom"),
        ("os._exit(3)", "code 3"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
    ],
)
def test_a_child_that_fails_is_an_answer(tmp_path, code, says):
    answer = ask(tmp_path, code)
    assert answer.content is None
    assert says in answer.error


def test_a_child_that_never_ends_is_ended(tmp_path):
    answer = ask(tmp_path, "time.sleep(60)", timeout_s=0.3)
    assert answer.content is None
    assert "was ended after" in answer.error
