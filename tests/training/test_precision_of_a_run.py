"""A run decides its precision once, says why, and goes on with it."""

import json

import pytest

from envs.errors import ConfigError
from tests.training.small_runs import run, tiny_config
from training import prepare
from training.agent import probe
from training.agent.probe import Probe
from training.errors import StoreError
from training.events import FoldFinished, Noticed


@pytest.fixture
def with_amx(monkeypatch):
    monkeypatch.setattr(probe, "has_amx_bf16", lambda: True)


@pytest.fixture
def found(monkeypatch, with_amx):
    """What a probe says, and how often one was made."""
    asked = []

    def decide(config, **sizes):
        asked.append((config.precision, sizes["n_inputs"], sizes["n_actions"]))
        if config.precision != "auto":
            return Probe(precision=config.precision, reason="as set", n_threads=2)
        return Probe(precision="bf16", reason="faster", n_threads=2, bf16_speedup=1.5)

    monkeypatch.setattr(prepare, "decide_precision", decide)
    return asked


def interrupted(folder, config):
    def interrupt(event):
        if isinstance(event, FoldFinished):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, config, listener=interrupt)


def recorded(folder):
    return json.loads((folder / "42" / "config.json").read_text())


AUTO = {"agent__precision": "auto", "folds__max_folds": 2}


def test_auto_is_recorded_with_its_reason_and_told(found, tmp_path):
    events = []
    run(tmp_path, tiny_config(**AUTO), listener=events.append)
    content = recorded(tmp_path)
    assert content["config"]["agent"]["precision"] == "bf16"
    assert content["precision"] == {
        "asked": "auto",
        "precision": "bf16",
        "reason": "faster",
        "n_threads": 2,
        "bf16_speedup": 1.5,
        "n_pairs": 0,
    }
    assert [asked for asked, *_ in found] == ["auto"]
    assert Noticed(level="info", message="precision bf16: faster") in events


def test_a_run_that_goes_on_is_not_probed_again(found, tmp_path):
    interrupted(tmp_path, tiny_config(**AUTO))
    run(tmp_path, tiny_config(**AUTO))
    assert len(found) == 1
    state = json.loads((tmp_path / "42" / "training_state_optimized.json").read_text())
    assert state["precision"] == recorded(tmp_path)["precision"]


def test_what_auto_came_to_may_be_typed_and_the_other_is_refused(found, tmp_path):
    interrupted(tmp_path, tiny_config(**AUTO))
    run(tmp_path, tiny_config(agent__precision="bf16", folds__max_folds=2))
    with pytest.raises(StoreError, match=r"agent\.precision was 'bf16', now 'fp32'"):
        run(tmp_path, tiny_config(agent__precision="fp32", folds__max_folds=2))


def test_a_run_in_bf16_does_not_go_on_without_amx(found, tmp_path, monkeypatch):
    interrupted(tmp_path, tiny_config(**AUTO))
    monkeypatch.setattr(probe, "has_amx_bf16", lambda: False)
    with pytest.raises(StoreError, match="go on in the precision it was begun in"):
        run(tmp_path, tiny_config(**AUTO))


def test_bf16_that_is_not_there_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "has_amx_bf16", lambda: False)
    with pytest.raises(ConfigError, match="bf16 must be fast on this machine"):
        run(tmp_path, tiny_config(agent__precision="bf16"))
    assert list(tmp_path.iterdir()) == []
