"""The code of docs/serving.md, run as it stands there, decides what the evaluation decided."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO

from envs.features.build import build_features
from envs.market import make_tape
from envs.trading_env import TradingEnv
from tests.training.small_runs import run, small_bars, tiny_config
from training.agent.checkpoint import LoadedModel, load_model, save_model
from training.evaluate import evaluate
from training.folds import Range

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
N_BARS = 40


@pytest.fixture(scope="module")
def page():
    """Names that the page's code defines."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {"__name__": "serving"}
    exec(compile(code, str(PAGE), "exec", dont_inherit=True), names)
    return names


def lively(model_file: Path) -> LoadedModel:
    """Save a model again with weights that react to what it sees; a short training does not."""
    card, agent = load_model(model_file, device="cpu").card, RecurrentPPO.load(model_file)
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in agent.policy.named_parameters():
            spread = 0.0 if "bias" in name else 0.2
            weight.normal_(0.0, spread, generator=random)
    save_model(model_file, agent, card)
    return load_model(model_file, device="cpu")


def spied(server, seen):
    """Let a server write down what it shows its policy."""
    predict = server.policy.predict

    def noting(observation, **options):
        seen.append(observation)
        return predict(observation, **options)

    server.policy.predict = noting
    return server


def my_account(page, env, bar):
    """What a broker would tell at the close of a bar."""
    account = env._state.account
    return page["MyAccount"](
        position=int(account.direction),
        balance=account.balance,
        equity=account.equity,
        peak_equity=account.peak_equity,
        held_bars=int((bar + 1 - account.entry_bar) * abs(account.direction)),
    )


@pytest.mark.parametrize("scaling", ["rolling", "fitted"])
def test_serving_decides_what_the_evaluation_decided_also_after_a_restart(page, tmp_path, scaling):
    bars = small_bars()
    config = tiny_config(
        folds__max_folds=1,
        features__scaling=scaling,
        features__scaling_window_bars=100,
        rules__adaptive_timesteps__base_timesteps=128,
    )
    run(tmp_path, config)
    fold = json.loads((tmp_path / "42/folds/000/fold.json").read_text())["fold"]
    file, start = tmp_path / "42/folds/000/model.zip", fold["test"]["start"]
    model, features = lively(file), build_features(bars, config.features)
    rows = features if scaling == "rolling" else model.card.scaler.transform(features.values)
    tape, window = make_tape(bars, rows, config.env.market), Range(start, start + N_BARS)
    expected = evaluate(model.policy, tape, config.env, window).actions
    assert set(expected.tolist()) == {0, 1, 2}, "a model that never moves proves nothing"

    env = TradingEnv(tape, config.env, start=window.start, stop=window.stop)
    observation, _ = env.reset(seed=0)
    seen, served = [], []
    server = spied(page["Server"](file), seen)
    for bar in range(window.start, window.stop):
        if bar == window.start + N_BARS // 2:
            server.save(tmp_path / "memory.npz")
            server = spied(page["Server"](file), seen)
            server.restore(tmp_path / "memory.npz")
        served.append(server.decide(bars.slice(0, bar + 1), my_account(page, env, bar)))
        np.testing.assert_array_equal(seen[-1], observation)
        observation, *_ = env.step(served[-1])
    np.testing.assert_array_equal(served, expected)
