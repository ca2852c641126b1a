"""Seconds by stage on both clocks."""

from __future__ import annotations

import threading
import time

import pytest

from training.clock import StageClock


def test_stages_add_up_in_the_order_they_first_ran():
    clock = StageClock()
    clock.add("update", 2.0, 3.5)
    clock.add("rollout", 1.0, 0.75)
    clock.add("update", 0.5, 0.25)
    assert clock.to_json() == {"update": 2.5, "rollout": 1.0}
    assert clock.cpu_to_json() == {"update": 3.75, "rollout": 0.75}
    assert clock.seconds("update", "rollout", "missing") == 3.5


def test_a_block_is_measured_also_when_it_raises():
    clock = StageClock()
    with pytest.raises(RuntimeError), clock.stage("load"):
        raise RuntimeError
    assert clock.seconds("load") > 0


def test_cpu_seconds_count_what_a_thread_works_and_not_what_is_slept():
    clock = StageClock()
    with clock.stage("sleep"):
        time.sleep(0.05)
    with clock.stage("work"):
        worker = threading.Thread(target=busy, args=(0.05,))
        worker.start()
        worker.join()
    cpu_s = clock.cpu_to_json()
    assert cpu_s["sleep"] < 0.02
    assert cpu_s["work"] > 0.02


def busy(cpu_s):
    started_s = time.thread_time()
    while time.thread_time() - started_s < cpu_s:
        pass
