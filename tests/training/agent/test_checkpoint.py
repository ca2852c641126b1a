"""Saved models: the same bytes, the same actions, readable by stock, and no code run on loading."""

import base64
import dataclasses
import io
import json
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from torch import nn

from envs.config import EnvConfig
from envs.features import FeatureConfig, FittedScaler
from envs.observations import ObservationLayout
from tests.training.small_market import SMALL_AGENT, small_agent, small_env, small_tape
from training.agent.checkpoint import ModelCard, load_model, save_model
from training.agent.config import AgentConfig
from training.agent.weights import weights_sha256
from training.errors import ModelError

LAYOUT = ObservationLayout(
    version="1",
    names=("f0", "f1", "f2", "position", "unrealized_pnl_frac", "bars_held", "drawdown_frac"),
    bars_held_scale_bars=100.0,
)
OBSERVATIONS = np.random.default_rng(0).normal(size=(20, 5, 7)).astype(np.float32)


def card(config: AgentConfig = SMALL_AGENT, **parts: object) -> ModelCard:
    return ModelCard(config=config, layout=LAYOUT, **parts)


def walk(policy: object) -> list[np.ndarray]:
    """Actions and memories over 20 bars of 5 rows."""
    memory, seen = None, []
    for step, observation in enumerate(OBSERVATIONS):
        action, memory = policy.predict(
            observation, memory, episode_start=np.full(5, step == 0), deterministic=True
        )
        seen += [action, *memory]
    return seen


def assert_same_walk(first: object, second: object) -> None:
    for a, b in zip(walk(first), walk(second), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("critic_lstm", ["separate", "shared", "none"])
@pytest.mark.parametrize("n_lstm_layers", [1, 2])
def test_a_saved_model_acts_the_same_here_and_in_stock(
    tmp_path: Path, critic_lstm: str, n_lstm_layers: int
) -> None:
    config = dataclasses.replace(
        SMALL_AGENT, critic_lstm=critic_lstm, n_lstm_layers=n_lstm_layers, activation="mish"
    )
    agent, path = small_agent(config, n_updates=1), tmp_path / "model.zip"
    sha256 = save_model(path, agent, card(config))
    loaded, stock = load_model(path, "cpu"), RecurrentPPO.load(path, device="cpu")
    assert_same_walk(loaded.policy, agent)
    assert_same_walk(loaded.policy, stock)
    assert loaded.weights_sha256 == sha256 == weights_sha256(stock.policy.state_dict())
    assert not loaded.policy.training


def test_stock_goes_on_training_a_saved_model_with_its_settings(tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL_AGENT, clip_range_vf=0.3, target_kl=5.0)
    path = tmp_path / "model.zip"
    save_model(path, small_agent(config), card(config))
    stock = RecurrentPPO.load(path, env=small_env(small_tape()), device="cpu")
    assert (stock.n_steps, stock.batch_size, stock.n_epochs) == (16, 16, 2)
    assert (stock.clip_range(1.0), stock.clip_range_vf(1.0), stock.target_kl) == (0.4, 0.3, 5.0)
    assert type(stock.policy.optimizer) is torch.optim.AdamW
    assert stock.policy.optimizer.param_groups[0]["weight_decay"] == 1e-6
    before = weights_sha256(stock.policy.state_dict())
    stock.learn(32)
    assert weights_sha256(stock.policy.state_dict()) != before


def test_everything_on_the_card_comes_back(tmp_path: Path) -> None:
    full = card(
        features=FeatureConfig(extra_columns=False, scaling="fitted"),
        scaler=FittedScaler(center=(0.5, -1.0), scale=(1.0, 2.5), clip=5.0),
        env=EnvConfig(action_mode="target", bars_held_scale_bars=50.0),
        description={"fold": 3, "score": 0.25, "note": "größer", "none": None},
    )
    path = tmp_path / "model.zip"
    save_model(path, small_agent(), full)
    assert load_model(path, "cpu").card == full


def test_equal_weights_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    save_model(one, small_agent(n_updates=1), card())
    other = small_agent(n_updates=1)
    other.learn(0, reset_num_timesteps=False)  # has other clocks and counters inside
    with monkeypatch.context() as later:
        later.setattr(
            time, "localtime", lambda *_: time.struct_time((2031, 2, 3, 4, 5, 6, 0, 1, 0))
        )
        save_model(two, other, card())
    assert one.read_bytes() == two.read_bytes()
    save_model(two, small_agent(n_updates=1, seed=1), card())
    assert one.read_bytes() != two.read_bytes()


def test_saving_moves_no_random_state(tmp_path: Path) -> None:
    agent = small_agent()
    before = torch.get_rng_state()
    save_model(tmp_path / "model.zip", agent, card())
    load_model(tmp_path / "model.zip", "cpu")
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    agent = small_agent()
    with torch.no_grad():
        agent.policy.action_net.bias[0] = float("nan")
    with pytest.raises(ModelError, match="finite"):
        save_model(tmp_path / "model.zip", agent, card())
    assert list(tmp_path.iterdir()) == []


def test_a_card_of_another_network_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lstm_hidden_size 8, not 9"):
        save_model(
            tmp_path / "model.zip",
            small_agent(),
            card(dataclasses.replace(SMALL_AGENT, lstm_hidden_size=9)),
        )


# Stock zips


def stock_agent(**policy_kwargs: object) -> RecurrentPPO:
    return RecurrentPPO(
        "MlpLstmPolicy", small_env(small_tape()), n_steps=16, policy_kwargs=policy_kwargs, seed=0
    )


@pytest.mark.parametrize(
    "policy_kwargs",
    [
        {"lstm_hidden_size": 8},
        {"lstm_hidden_size": 8, "net_arch": []},
        {"lstm_hidden_size": 8, "net_arch": {"pi": [5], "vf": [4, 3]}, "activation_fn": nn.Mish},
        {
            "lstm_hidden_size": 8,
            "n_lstm_layers": 2,
            "enable_critic_lstm": False,
            "shared_lstm": True,
            "activation_fn": nn.ReLU,
        },
        {"lstm_hidden_size": 8, "enable_critic_lstm": False, "activation_fn": nn.ELU},
    ],
)
def test_a_stock_zip_loads_and_acts_as_stock_does(
    tmp_path: Path, policy_kwargs: dict[str, object]
) -> None:
    agent, path = stock_agent(**policy_kwargs).learn(32), tmp_path / "stock.zip"
    agent.save(path)
    loaded = load_model(path, "cpu")
    assert loaded.card is None
    assert_same_walk(loaded.policy, agent)
    torch.testing.assert_close(
        loaded.policy.state_dict(), agent.policy.state_dict(), rtol=0.0, atol=0.0
    )


class Squared(nn.Module):
    """An activation of somebody's own."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * values


@pytest.mark.parametrize(
    ("policy_kwargs", "message"),
    [
        ({"activation_fn": Squared}, "activation"),
        ({"lstm_kwargs": {"bidirectional": False, "batch_first": True}}, "lstm_kwargs"),
        ({"lstm_kwargs": {"bias": False}}, "lstm_kwargs"),
    ],
)
def test_a_stock_policy_of_a_kind_we_do_not_know_is_refused(
    tmp_path: Path, policy_kwargs: dict[str, object], message: str
) -> None:
    agent, path = stock_agent(lstm_hidden_size=4, **policy_kwargs), tmp_path / "stock.zip"
    agent.save(path)
    with pytest.raises(ModelError, match=message):
        load_model(path, "cpu")


# Hostile and broken files

Edit = Callable[[dict[str, bytes]], object]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.zip"
    save_model(path, small_agent(), card())
    return path


def edited(path: Path, edit: Edit) -> Path:
    """Rewrite a zip with its members changed by `edit`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    edit(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Edit:
    def edit(members: dict[str, bytes]) -> None:
        weights = torch.load(io.BytesIO(members["policy.pth"]), weights_only=True)
        change(weights)
        buffer = io.BytesIO()
        torch.save(weights, buffer)
        members["policy.pth"] = buffer.getvalue()

    return edit


def with_card(**values: object) -> Edit:
    def edit(members: dict[str, bytes]) -> None:
        content = json.loads(members["walkfast.json"]) | values
        members["walkfast.json"] = json.dumps(content).encode()

    return edit


def test_a_file_of_the_first_version_is_read_as_trained_in_float32(model: Path) -> None:
    def age(members: dict[str, bytes]) -> None:
        content = json.loads(members["walkfast.json"])
        del content["agent"]["precision"]
        members["walkfast.json"] = json.dumps(content | {"format_version": 1}).encode()

    card = load_model(edited(model, age), "cpu").card
    assert card is not None
    assert card.config.precision == "fp32"


class Bomb:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("member", ["policy.pth", "pytorch_variables.pth", "policy.optimizer.pth"])
def test_a_pickle_in_a_weights_member_never_runs(model: Path, tmp_path: Path, member: str) -> None:
    bomb = tmp_path / "exploded"
    buffer = io.BytesIO()
    torch.save({"lstm_actor.weight_ih_l0": Bomb(bomb)}, buffer)
    edited(model, lambda members: members.update({member: buffer.getvalue()}))
    if member == "policy.pth":
        with pytest.raises(ModelError, match=r"policy\.pth"):
            load_model(model, "cpu")
    else:
        load_model(model, "cpu")  # never opened
    assert not bomb.exists()


@pytest.mark.parametrize("with_our_card", [True, False])
def test_a_pickle_in_data_never_runs(model: Path, tmp_path: Path, with_our_card: bool) -> None:
    bomb = tmp_path / "exploded"
    text = base64.b64encode(pickle.dumps(Bomb(bomb))).decode()

    def edit(members: dict[str, bytes]) -> None:
        data = json.loads(members["data"])
        for value in data.values():
            if isinstance(value, dict) and ":serialized:" in value:
                value[":serialized:"] = text
        members["data"] = json.dumps(data).encode()
        if not with_our_card:
            del members["walkfast.json"]

    load_model(edited(model, edit), "cpu")
    assert not bomb.exists()
    with pytest.raises(TypeError):  # stock runs it: this shows that the bomb is live
        RecurrentPPO.load(model)
    assert bomb.exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda members: members.pop("policy.pth"), "no member policy.pth"),
        (lambda members: members.update({"policy.pth": b"not a zip"}), "no readable zip"),
        (lambda members: members.update({"walkfast.json": b"[1]"}), "no JSON object"),
        (lambda members: members.update({"walkfast.json": b'{"a": NaN}'}), "NaN is no JSON"),
        (lambda members: members.update({"walkfast.json": b"\xff"}), "no text"),
        (lambda members: members.update({"walkfast.json": b"[" * 100_000}), "no JSON"),
        (with_card(format_version=3), "format_version 3"),
        (with_card(weights_sha256="0" * 64), "not those that walkfast.json names"),
        (with_card(observation=None), "cannot be read"),
        (with_card(agent={"lstm_hidden_size": 8}), "does not say all"),
        (with_card(agent=None), "cannot be read"),
        (with_card(env={"surprise": 1}), "does not say all"),
        (with_card(description=7), "cannot be read"),
        (with_weights(lambda w: w["action_net.bias"].fill_(float("inf"))), "NaN or infinity"),
        (with_weights(lambda w: w.update({"action_net.bias": w["action_net.bias"].double()})),
         "float64"),
        (with_weights(lambda w: w.update({"action_net.bias": 3})), "no named tensor"),
        (with_weights(lambda w: w.update({"a": torch.zeros(1).expand(10**6, 10**6)})),
         "not contiguous"),
        (with_weights(lambda w: w.update({"lstm_actor.weight_hh_l0": torch.zeros(0, 10**9)})),
         "empty"),
        (with_weights(lambda w: w.update({"a": torch.zeros(2).to_sparse()})), "sparse"),
    ],
)  # fmt: skip
def test_a_broken_member_is_refused_by_name(model: Path, edit: Edit, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(edited(model, edit), "cpu")


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.pop("action_net.weight"),
        lambda w: w.update({"action_net.weight": torch.zeros(3, 7)}),
        lambda w: w.update({"log_std": torch.zeros(3)}),
        lambda w: w.update({"lstm_actor.weight_hh_l0": torch.zeros(32)}),
    ],
)
def test_weights_of_another_kind_of_policy_are_refused(
    model: Path, change: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    def edit(members: dict[str, bytes]) -> None:
        with_weights(change)(members)
        del members["walkfast.json"]  # as in a stock zip

    with pytest.raises(ModelError, match=r"(?s)recurrent.*model\.zip"):
        load_model(edited(model, edit), "cpu")


@pytest.mark.parametrize("keep_frac", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_short_is_refused(model: Path, keep_frac: float) -> None:
    content = model.read_bytes()
    model.write_bytes(content[: int(keep_frac * len(content))])
    with pytest.raises(ModelError, match="zip"):
        load_model(model, "cpu")


def test_one_flipped_bit_in_the_weights_is_refused(model: Path) -> None:
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(bytes(content))
    with pytest.raises(ModelError):
        load_model(model, "cpu")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing"):
        load_model(tmp_path / "missing.zip", "cpu")
    with pytest.raises(ModelError, match="a folder"):
        load_model(tmp_path, "cpu")


def test_too_many_or_repeated_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(5000):
            archive.writestr(f"{index}", b"")
    with pytest.raises(ModelError, match="5000 members"):
        load_model(path, "cpu")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("policy.pth", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("policy.pth", b"2")
    with pytest.raises(ModelError, match="twice"):
        load_model(path, "cpu")


def test_a_zip_bomb_is_refused_by_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.agent.model_file.MAX_BYTES", 2**20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("policy.pth", bytes(2**20 + 1))
    assert path.stat().st_size < 2000
    with pytest.raises(ModelError, match="1 members of 1048577 bytes"):
        load_model(path, "cpu")
