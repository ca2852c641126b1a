"""Save a trained policy and load it again, ours or a stock sb3-contrib zip.

A saved model is a zip that stock `RecurrentPPO.load` opens, with one more member, `walkfast.json`,
that says what the policy saw and was told. Loading reads that JSON and plain tensors and builds the
policy from our own classes; it never unpickles what the file brings. Equal weights and descriptions
give equal bytes. Not here: the state to resume a training from (`training.store`).

Read next: `training.agent.model_file` (limits and checks), `training.agent.stock_data` (the part
that only stock `load` reads), `training.agent.weights` (weights in memory).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stable_baselines3
import torch
from pydantic import TypeAdapter
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.atomic import write_bytes
from envs.config import EnvConfig
from envs.errors import WalkfastError
from envs.features import FeatureConfig, FittedScaler
from envs.observations import ObservationLayout
from training.agent.build import policy_arguments, resolve_device
from training.agent.config import AgentConfig
from training.agent.model_file import ModelFile
from training.agent.network import Network, build_policy, network_of
from training.agent.stock_data import activation_in, stock_data
from training.agent.weights import Weights, snapshot_weights, weights_sha256
from training.errors import ModelError

FORMAT_VERSION = 2
_ADDED_SINCE: dict[int, dict[str, Any]] = {1: {"precision": "fp32"}, FORMAT_VERSION: {}}
"""What files of each version trained with, in fields of the agent that they do not name."""
CARD_MEMBER = "walkfast.json"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say; a clock would change the bytes


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What travels with a policy, so that serving builds exactly what training saw.

    Attributes:
        config: Networks and hyperparameters it was trained with.
        layout: Names and version of the observation vector.
        features: The feature configuration; None where the user brought an own matrix.
        scaler: The fitted scaler of a run that froze one; None otherwise.
        env: The environment's configuration: action mode, market, reward; None if unknown.
        description: Anything else, as JSON values: run, fold, scores, fingerprints.
    """

    config: AgentConfig
    layout: ObservationLayout
    features: FeatureConfig | None = None
    scaler: FittedScaler | None = None
    env: EnvConfig | None = None
    description: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A policy from a file, in evaluation mode.

    Attributes:
        policy: The policy, on the device asked for.
        network: Its sizes.
        card: What came with it; None for a stock zip, which says nothing of its observations.
        weights_sha256: Content hash of its weights.
    """

    policy: RecurrentActorCriticPolicy
    network: Network
    card: ModelCard | None
    weights_sha256: str


def save_model(path: Path, agent: RecurrentPPO, card: ModelCard) -> str:
    """Write the agent's policy and its card, atomically and with the same bytes each time.

    The optimizer is written without its moments: a model serves or starts a new training.

    Args:
        path: The file, by custom ending in `.zip`.
        agent: Any agent whose policy is a `RecurrentActorCriticPolicy`.
        card: What travels with it; strict JSON, so no NaN or infinity.

    Returns:
        SHA-256 of the weights, as `weights_sha256` gives it.

    Raises:
        ModelError: If the weights are not finite, or not those of the card's network and layout.
        ValueError: If the card holds NaN or infinity.
    """
    weights = snapshot_weights(agent)
    network = network_of(weights, activation=card.config.activation)
    _check_card(card, network, where=str(path))
    if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
        raise ModelError("Weights must be finite to be saved", came="NaN or infinity")
    write_bytes(path, _zipped(_members(agent, weights, network, card)))
    return weights_sha256(weights)


def load_model(path: Path, device: str = "auto") -> LoadedModel:
    """Load a policy without running anything of the file.

    Args:
        path: A zip written by `save_model` or by stock `RecurrentPPO.save`.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        ModelError: If the file is missing, cut short, of another kind, or its weights are not
            finite or not those that its card names.
        ConfigError: If the device is not there.
    """
    target = resolve_device(device)
    file = ModelFile(path)
    weights = file.weights("policy.pth")
    sha256 = weights_sha256(weights)
    card = _read_card(file, sha256) if CARD_MEMBER in file.names else None
    activation = card.config.activation if card else activation_in(file)
    try:
        network = network_of(weights, activation=activation)
    except ModelError as error:
        raise ModelError(
            error.must_hold, came=error.came, where=str(path), mend=error.mend
        ) from error
    if card is not None:
        _check_card(card, network, where=str(path))
    policy = build_policy(network)
    policy.load_state_dict(weights)
    return LoadedModel(policy=policy.to(target), network=network, card=card, weights_sha256=sha256)


def _check_card(card: ModelCard, network: Network, *, where: str) -> None:
    """Refuse a card that describes another network than the weights are of."""
    told = Network.of_config(
        card.config, n_inputs=len(card.layout.names), n_actions=network.n_actions
    )
    if told != network:
        raise ModelError(
            "A model's weights must be those of the network and observation it describes",
            came=network.differences(told),
            where=where,
        )


def _members(
    agent: RecurrentPPO, weights: Weights, network: Network, card: ModelCard
) -> dict[str, bytes]:
    arguments = policy_arguments(card.config)
    optimizer = {name: arguments[name] for name in ("optimizer_class", "optimizer_kwargs")}
    rate = card.config.learning_rate
    fresh = build_policy(network, learning_rate=rate, optimizer=optimizer).optimizer
    return {
        "data": stock_data(card.config, agent).encode(),
        "pytorch_variables.pth": _torch_bytes({}),
        "policy.pth": _torch_bytes(dict(weights)),
        "policy.optimizer.pth": _torch_bytes(fresh.state_dict()),
        "_stable_baselines3_version": stable_baselines3.__version__.encode(),
        "system_info.txt": b"Written by walkfast; see walkfast.json.\n",
        CARD_MEMBER: _card_text(card, weights_sha256(weights)).encode(),
    }


def _zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content)
    return buffer.getvalue()


def _torch_bytes(value: object) -> bytes:
    buffer = io.BytesIO()  # a buffer: a file's name would be written into its bytes
    torch.save(value, buffer)
    return buffer.getvalue()


def _card_text(card: ModelCard, sha256: str) -> str:
    content = {
        "format_version": FORMAT_VERSION,
        "weights_sha256": sha256,
        "agent": _plain(card.config),
        "observation": card.layout.to_json(),
        "features": _plain(card.features),
        "scaler": None if card.scaler is None else card.scaler.to_json(),
        "env": _plain(card.env),
        "description": dict(card.description),
    }
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _read_card(file: ModelFile, sha256: str) -> ModelCard:
    content = file.json(CARD_MEMBER)
    version = content.get("format_version")
    if version not in {1, FORMAT_VERSION}:
        raise file.error(f"format_version {version!r}, where 1 and {FORMAT_VERSION} are read")
    if content.get("weights_sha256") != sha256:
        raise file.error("weights that are not those that walkfast.json names")
    try:
        scaler = content["scaler"]
        return ModelCard(
            config=_typed(AgentConfig, _ADDED_SINCE[version] | content["agent"]),
            layout=ObservationLayout.from_json(content["observation"]),
            features=_typed(FeatureConfig | None, content["features"]),
            scaler=None if scaler is None else FittedScaler.from_json(scaler),
            env=_typed(EnvConfig | None, content["env"]),
            description=_typed(dict[str, Any], content["description"]),
        )
    except (WalkfastError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise file.error(f"a walkfast.json that cannot be read ({error})") from error


def _plain(value: object) -> Any:
    """Turn a configuration dataclass into JSON values; None stays None."""
    return None if value is None else TypeAdapter(type(value)).dump_python(value, mode="json")


def _typed(kind: Any, content: object) -> Any:
    """Read JSON values back; a value that is missing, unknown or converted is refused.

    Raises:
        ValueError: If writing what was read would not give the same values again.
    """
    adapter = TypeAdapter(kind)
    value = adapter.validate_python(content)
    if adapter.dump_python(value, mode="json") != content:
        raise ValueError(f"{value} does not say all that the file says")
    return value
