"""Jobs in real processes: threads, answers, failures, ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from training.benchmark.children import PARENT, Job, ProcessRunner
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
        "job": {"kind": "x", PARENT: os.getpid()},
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


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_parent_that_is_killed_takes_its_child_along(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from training.benchmark.children import Job, ProcessRunner\n"
        "child = ('import os, sys, time; from pathlib import Path;'\n"
        "    'from bot.cli import benchmark_unit as unit;'\n"
        "    'unit.run_job = lambda *_: (Path(sys.argv[1]).with_name(\"pid\")'\n"
        "    '.write_text(str(os.getpid())), time.sleep(60)); unit.main()')\n"
        "runner = ProcessRunner(command=(sys.executable, '-c', child), folder=Path(sys.argv[1]),\n"
        "    environment={})\n"
        "runner(Job(name='j', content={'kind': 'x'}, n_threads=1, timeout_s=60))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    noted = tmp_path / "pid"
    _wait_until(lambda: noted.exists() and noted.read_text() != "")
    child = psutil.Process(int(noted.read_text()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def _wait_until(holds, *, patience_s=60.0):
    ends_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < ends_s
        time.sleep(0.05)
