import getpass
import json
import platform

from training.machine import describe_machine, peak_memory_bytes, versions


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
