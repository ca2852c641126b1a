"""Jobs on real workers that are really killed: who is retried, who is left alone, what is kept."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from envs.errors import ConfigError, UnknownNameError
from tests.training.parallel.small_jobs import Draw
from training.errors import StoreError
from training.events import Noticed
from training.parallel.config import ParallelConfig, shares
from training.parallel.events import FromJob, JobFailed, JobFinished, JobStarted
from training.parallel.job import Order
from training.parallel.processes import ProcessEngine
from training.parallel.scheduler import run_jobs

ROOT = Path(__file__).parents[3]
ENGINES = ("sequential", "loky")


@pytest.fixture
def draws(tmp_path):
    def make(*troubles, **more):
        notes = tmp_path / "notes"
        notes.mkdir(exist_ok=True)
        return [
            Draw(name=f"job_{index}", seed=index, notes=notes, trouble=trouble, **more)
            for index, trouble in enumerate(troubles)
        ]

    return make


def attempts(job):
    path = job.notes / f"{job.name}.ran"
    return len(path.read_text().split()) if path.exists() else 0


def run(jobs, folder, *, engine="loky", n_workers=None, events=None, n_retries=1):
    config = ParallelConfig(engine=engine, n_workers=n_workers, n_retries=n_retries)
    heard = [] if events is None else events
    return run_jobs(jobs, folder=folder, config=config, listener=heard.append, n_cores=2)


def values(outcome):
    return {name: content["result"]["values"] for name, content in outcome.results.items()}


def test_every_engine_number_of_workers_and_order_gives_the_same_bits(draws, tmp_path):
    jobs = draws("", "", "", "")
    ways = [
        run(jobs, tmp_path / "a", engine="sequential"),
        run(jobs, tmp_path / "b", n_workers=1),
        run(jobs[::-1], tmp_path / "c", n_workers=3),
    ]
    expected = {job.name: np.random.default_rng(job.seed).normal(size=5).tolist() for job in jobs}
    assert [values(way) for way in ways] == [expected] * 3
    assert all(not way.failures for way in ways)


@pytest.mark.parametrize(
    ("trouble", "says", "last"),
    [
        ("killed", "killed (SIGKILL", "about to be killed"),
        ("left", "exit code 7", "leaving"),
        ("defect", "ZeroDivisionError: a defect", "ZeroDivisionError: a defect"),
        ("memory", "MemoryError", "MemoryError"),
        ("exit", "SystemExit: 3", "SystemExit: 3"),
    ],
)
def test_a_worker_that_dies_costs_its_job_one_retry_and_no_other_job_anything(
    trouble, says, last, draws, tmp_path
):
    jobs, events = draws("", trouble, ""), []
    outcome = run(jobs, tmp_path / "jobs", n_workers=2, events=events)
    assert sorted(outcome.results) == ["job_0", "job_1", "job_2"]
    assert [attempts(job) for job in jobs] == [1, 2, 1]
    (failed,) = [event for event in events if isinstance(event, JobFailed)]
    assert (failed.job, failed.attempt, failed.gives_up) == ("job_1", 1, False)
    assert says in failed.error
    assert last in failed.last_lines[-1]
    assert {path.suffix for path in (tmp_path / "jobs").iterdir()} == {".json"}


def test_a_job_that_kills_its_worker_every_time_is_given_up_and_named(draws, tmp_path):
    jobs, events = draws("killed", "", n_troubles=99), []
    outcome = run(jobs, tmp_path / "jobs", n_workers=1, events=events, n_retries=2)
    assert list(outcome.results) == ["job_1"]
    assert [attempts(job) for job in jobs] == [3, 1]
    failure = outcome.failures["job_0"]
    assert failure.n_attempts == 3
    assert "SIGKILL" in failure.error
    assert failure.last_lines == ("about to be killed",)
    assert [event.gives_up for event in events if isinstance(event, JobFailed)] == [
        False,
        False,
        True,
    ]
    assert not (tmp_path / "jobs" / "job_0.json").exists()
    assert (tmp_path / "jobs" / "job_0.log").read_text() == "about to be killed\n"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_mistake_of_the_user_is_not_tried_again(engine, draws, tmp_path):
    jobs = draws("mistake", "", n_troubles=99)
    outcome = run(jobs, tmp_path / "jobs", engine=engine)
    assert attempts(jobs[0]) == 1
    assert outcome.failures["job_0"].is_final
    assert "A number must be positive" in outcome.failures["job_0"].error
    assert list(outcome.results) == ["job_1"]


def test_one_after_the_other_retries_an_exception_too(draws, tmp_path, capsys):
    jobs = draws("defect", "")
    outcome = run(jobs, tmp_path / "jobs", engine="sequential")
    assert sorted(outcome.results) == ["job_0", "job_1"]
    assert [attempts(job) for job in jobs] == [2, 1]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_finished_job_is_never_run_again(draws, tmp_path):
    jobs, folder = draws("", "killed", n_troubles=2), tmp_path / "jobs"
    first = run(jobs, folder, n_workers=2)
    assert list(first.failures) == ["job_1"]
    events = []
    second = run(jobs, folder, n_workers=2, events=events)
    assert [attempts(job) for job in jobs] == [1, 3]
    assert sorted(second.results) == ["job_0", "job_1"]
    assert second.results["job_0"] == first.results["job_0"]
    done = {event.job: event.was_done for event in events if isinstance(event, JobFinished)}
    assert done == {"job_0": True, "job_1": False}


def test_a_result_of_another_identity_is_not_taken(draws, tmp_path):
    folder = tmp_path / "jobs"
    run(draws(""), folder, engine="sequential")
    (newer,) = draws("", version=2)
    outcome = run([newer], folder, engine="sequential")
    assert attempts(newer) == 2
    assert outcome.results["job_0"]["identity"]["version"] == 2


def test_a_result_that_is_no_file_of_ours_is_refused_by_name(draws, tmp_path):
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "job_0.json").write_text("{")
    with pytest.raises(StoreError, match=r"job_0\.json"):
        run(draws(""), folder, engine="sequential")


@pytest.mark.parametrize("engine", ENGINES)
def test_what_jobs_say_reaches_the_listener_in_order(engine, draws, tmp_path):
    events = []
    run(draws(""), tmp_path / "jobs", engine=engine, events=events)
    started, said, finished = events
    assert started == JobStarted(job="job_0", attempt=1)
    assert said == FromJob(job="job_0", event=Noticed(level="info", message="job_0 draws"))
    assert said.to_json() == {
        "job": "job_0",
        "event": "Noticed",
        "level": "info",
        "message": "job_0 draws",
    }
    assert (finished.job, finished.attempt, finished.was_done) == ("job_0", 1, False)


def test_a_worker_that_dies_while_it_waits_costs_nobody_anything(draws, tmp_path):
    first, second = draws("", "")
    (tmp_path / "jobs").mkdir()
    orders = [Order(job=job, attempt=1, folder=tmp_path / "jobs") for job in (first, second)]
    with ProcessEngine(n_slots=1, environment={}, deliver=lambda order, event: None) as engine:
        engine.begin(orders[0])
        assert engine.wait()[0].answer.error is None
        worker = psutil.Process(int((first.notes / "job_0.ran").read_text()))
        worker.kill()
        psutil.wait_procs([worker], timeout=5)
        time.sleep(0.3)  # loky's thread hears of it
        engine.begin(orders[1])
        assert engine.wait()[0].answer.error is None
    assert attempts(second) == 1


def test_workers_divide_the_cores(draws, tmp_path):
    outcome = run(draws("", ""), tmp_path / "jobs", n_workers=2)
    assert [item["result"]["n_threads"] for item in outcome.results.values()] == ["1", "1"]
    alone = run(draws("", ""), tmp_path / "alone", n_workers=1)
    assert [item["result"]["n_threads"] for item in alone.results.values()] == ["2", "2"]


def test_workers_get_variables_and_their_threads_are_not_among_them(draws, tmp_path):
    config = ParallelConfig(n_workers=1)
    outcome = run_jobs(
        draws(""),
        folder=tmp_path / "jobs",
        config=config,
        listener=lambda event: None,
        n_cores=1,
        variables={"SMALL_JOBS_SAY": "hello", "OMP_NUM_THREADS": "9"},
    )
    result = outcome.results["job_0"]["result"]
    assert (result["said"], result["n_threads"]) == ("hello", "1")


@pytest.mark.parametrize(
    ("wanted", "n_jobs", "n_cores", "n_workers", "n_threads"),
    [(None, 9, 4, 4, 1), (None, 2, 8, 2, 4), (3, 9, 8, 3, 2), (6, 9, 2, 6, 1), (6, 2, 4, 2, 2)],
)
def test_workers_times_threads_stay_within_the_cores(wanted, n_jobs, n_cores, n_workers, n_threads):
    share = shares(ParallelConfig(n_workers=wanted), n_jobs=n_jobs, n_cores=n_cores)
    assert (share.n_workers, share.n_threads) == (n_workers, n_threads)
    assert (share.doubt is not None) == (n_workers > n_cores)


def test_impossible_numbers_are_refused():
    with pytest.raises(ConfigError, match="one worker or more"):
        ParallelConfig(n_workers=0)
    with pytest.raises(ConfigError, match="n_retries"):
        ParallelConfig(n_retries=-1)
    with pytest.raises(ConfigError, match="One after the other"):
        ParallelConfig(engine="sequential", n_workers=2)
    with pytest.raises(UnknownNameError, match="loky"):
        ParallelConfig(engine="locky")


PARENT = """
import signal
import sys
from pathlib import Path
from tests.training.parallel.small_jobs import Draw
from training.parallel.config import ParallelConfig
from training.parallel.scheduler import run_jobs

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
folder = Path(sys.argv[1])
jobs = [Draw(name=f"job_{n}", seed=n, notes=folder, trouble=trouble)
        for n, trouble in enumerate(("", "slow", "slow"))]
try:
    run_jobs(jobs, folder=folder / "jobs", config=ParallelConfig(n_workers=2), listener=print)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_a_worker_does_not_load_what_lies_in_the_users_folder(draws, tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise SystemExit('a stranger was loaded')")
    monkeypatch.chdir(tmp_path)
    assert list(run(draws(""), tmp_path / "jobs").results) == ["job_0"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_is_stopped_leaves_no_orphans_and_keeps_what_is_done(how, tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    workers = [int(pid) for pid in wait_for_notes(tmp_path, "job_1", "job_2")]
    below = psutil.Process(parent.pid).children(recursive=True)
    assert set(workers) <= {process.pid for process in below}
    send = os.killpg if how == signal.SIGINT else os.kill  # Ctrl-C reaches the whole group
    send(parent.pid, how)
    _, said = parent.communicate(timeout=10)
    assert parent.returncode == (130 if how == signal.SIGINT else -how)
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(below, timeout=5)
    assert not alive
    result = json.loads((tmp_path / "jobs" / "job_0.json").read_text())
    assert result["result"]["values"] == np.random.default_rng(0).normal(size=5).tolist()


def wait_for_notes(folder, *names):
    """Wait until the slow jobs run and the quick one is done; return who runs them."""
    until_s = time.monotonic() + 20
    paths = [folder / f"{name}.ran" for name in names]
    while not all(path.exists() and path.read_text().endswith("\n") for path in paths):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    return [path.read_text().strip() for path in paths]
