import getpass
import json
import platform
import subprocess
import sys

import numpy as np
import pytest

from training.machine import (
    describe_machine,
    peak_memory_bytes,
    usable_cores,
    usable_memory_bytes,
    versions,
)


def test_versions_name_what_results_depend_on():
    assert versions().keys() >= {"walkfast", "torch", "sb3-contrib", "numpy"}
    assert all(versions().values())


def test_the_machine_is_described_without_naming_its_owner():
    text = json.dumps(describe_machine())
    assert describe_machine()["memory_bytes"] > 0
    assert platform.node() not in text
    assert f'"{getpass.getuser()}"' not in text


def test_peak_memory_follows_a_large_allocation():
    before = peak_memory_bytes()
    block = bytearray(before + 64_000_000)
    assert peak_memory_bytes() > before + 32_000_000
    assert len(block) > before


def grouped(root, lines, files):
    """Lay out `/proc/self/cgroup` and some limits below `root`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("\n".join(lines) + "\n")
    for name, content in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return root


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)), raising=False)


def test_without_limits_all_cores_are_usable(tmp_path):
    assert usable_cores(root=tmp_path) == (8.0, None)


def test_affinity_limits_cores(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {1, 5, 6}, raising=False)
    assert usable_cores(root=tmp_path) == (3.0, "affinity")


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        (["0::/"], {"cpu.max": "150000 100000"}, (1.5, "cgroup")),
        (["0::/"], {"cpu.max": "max 100000"}, (8.0, None)),
        (["0::/"], {"cpu.max": "1600000 100000"}, (8.0, None)),
        # the quota of a group above holds for those below it
        (["0::/a/b"], {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, (2.0, "cgroup")),
        # a container that is shown the host's path finds its own group at the top
        (["0::/docker/0123"], {"cpu.max": "50000 100000"}, (0.5, "cgroup")),
        (
            ["4:cpu,cpuacct:/job", "3:memory:/"],
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "300000",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
            },
            (3.0, "cgroup"),
        ),
        (
            ["4:cpu:/"],
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            (8.0, None),
        ),
        (["0::/"], {"cpu.max": "nonsense"}, (8.0, None)),
    ],
)
def test_a_quota_limits_cores(tmp_path, lines, files, expected):
    assert usable_cores(root=grouped(tmp_path, lines, files)) == expected


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        (["0::/a"], {"a/memory.max": "1048576"}, (1_048_576.0, "cgroup")),
        (["9:memory:/"], {"memory/memory.limit_in_bytes": "2097152"}, (2_097_152.0, "cgroup")),
        # version 1 writes "no limit" as the largest page-aligned number
        (["9:memory:/"], {"memory/memory.limit_in_bytes": "9223372036854771712"}, None),
        (["0::/"], {"memory.max": "max"}, None),
    ],
)
def test_a_group_limits_memory(tmp_path, lines, files, expected):
    every = (float(describe_machine()["memory_bytes"]), None)
    assert usable_memory_bytes(root=grouped(tmp_path, lines, files)) == (expected or every)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child its parent's peak")
def test_a_started_child_tells_its_own_peak_and_not_its_parents():
    ballast = np.ones(40_000_000)  # 320 MB in the parent
    words = "from training.machine import peak_memory_bytes; print(peak_memory_bytes())"
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, check=True)
    assert int(told.stdout) < ballast.nbytes
    assert peak_memory_bytes() > ballast.nbytes
