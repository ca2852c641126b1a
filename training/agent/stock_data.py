"""The member `data` of a stable-baselines3 zip: written for stock `load`, read only as text.

stable-baselines3 stores each attribute as JSON or, where JSON cannot, as a pickle in base64 beside
readable hints. Ours holds the attributes of an agent that never ran, so that no clock, address or
random state gets in and equal settings give equal bytes. Of foreign ones only the hints are read.
"""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.build import agent_arguments
from training.agent.config import AgentConfig
from training.agent.model_file import ModelFile
from training.agent.network import ACTIVATIONS
from training.errors import ModelError

_PICKLE = ":serialized:"
_POLICY_MODULE = RecurrentActorCriticPolicy.__module__
# Attributes that stock `save` leaves out, because `load` makes them anew.
_LEFT_OUT = {"policy", "device", "env", "_vec_normalize_env", "_last_lstm_states"}
# Policy arguments that change what a policy computes without showing in its weights.
_NEUTRAL = {
    "features_extractor_class": ("None", "FlattenExtractor"),
    "features_extractor_kwargs": ("None", "{}"),
    "lstm_kwargs": ("None", "{}"),
    "use_sde": ("False",),
    "squash_output": ("False",),
}


def stock_data(config: AgentConfig, trained: RecurrentPPO) -> str:
    """Write the JSON from which stock `RecurrentPPO.load` builds an agent of these settings.

    Args:
        config: Networks and hyperparameters.
        trained: Lends its spaces, which stock `load` compares with an environment's.

    Raises:
        ModelError: If the spaces are not a flat box and discrete actions from 0.
    """
    agent = RecurrentPPO(
        "MlpLstmPolicy",
        None,  # type: ignore[arg-type]  # as stock `load` itself does: an agent without an env
        device="cpu",
        _init_setup_model=False,
        **agent_arguments(config),
    )
    attributes = {name: value for name, value in vars(agent).items() if name not in _LEFT_OUT}
    attributes |= _fresh_spaces(trained) | {"n_envs": config.n_envs}
    return json.dumps({name: _encoded(value) for name, value in attributes.items()}, indent=4)


def activation_in(file: ModelFile) -> str:
    """Read the activation off a stock zip and refuse what weights cannot show to be different.

    Returns:
        A name of `ACTIVATIONS`.

    Raises:
        ModelError: If the file's policy, spaces, activation or LSTM are of a kind not read here.
    """
    data = file.json("data")
    _check_class(file, data, "observation_space", "spaces.box.Box")
    _check_class(file, data, "action_space", "spaces.discrete.Discrete")
    if str(_part(data, "action_space").get("start", 0)) != "0":
        raise file.error("actions that do not start at 0")
    module = _part(data, "policy_class").get("__module__")
    if module != _POLICY_MODULE:
        raise file.error(f"a policy class of module {module!r}, not of sb3-contrib")
    arguments = _part(data, "policy_kwargs")
    for name, neutral in _NEUTRAL.items():
        value = str(arguments.get(name, neutral[0]))
        if _class_name(value) not in neutral:
            raise file.error(f"a policy with {name} {value:.80}, which is not read")
    return _activation(file, str(arguments.get("activation_fn", "Tanh")))


def _fresh_spaces(trained: RecurrentPPO) -> dict[str, spaces.Space[Any]]:
    """Copy the spaces without the random state that seeding left in them."""
    seen, acted = trained.observation_space, trained.action_space
    if not isinstance(seen, spaces.Box) or not isinstance(acted, spaces.Discrete) or acted.start:
        raise ModelError(
            "A model must see a box of numbers and choose among discrete actions from 0",
            came=f"{seen} and {acted}",
        )
    return {
        "observation_space": spaces.Box(seen.low, seen.high, dtype=seen.dtype.type),
        "action_space": spaces.Discrete(int(acted.n)),
    }


def _encoded(value: object) -> object:
    """Encode one attribute the way stable-baselines3's `json_to_data` reads it."""
    try:
        json.dumps(value)
    except TypeError:
        text = base64.b64encode(pickle.dumps(value, protocol=4)).decode()
        return {":type:": str(type(value)), _PICKLE: text, **_hints(value)}
    return value


def _hints(value: object) -> dict[str, Any]:
    """Say readably what a pickle holds, in the words that stable-baselines3 uses."""
    if isinstance(value, dict):
        return {name: str(item) for name, item in value.items()}
    if isinstance(value, type):
        return {"__module__": value.__module__, "__qualname__": value.__qualname__}
    return {"repr": repr(value)}


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}


def _check_class(file: ModelFile, data: dict[str, Any], name: str, wanted: str) -> None:
    came = str(_part(data, name).get(":type:"))
    if not came.endswith(f".{wanted}'>"):  # of gymnasium, or of gym before it
        raise file.error(f"{name} of type {came:.80}, where {wanted} is read")


def _class_name(text: str) -> str:
    """`<class 'a.b.C'>` to `C`; anything else stays."""
    return text[8:-2].rpartition(".")[2] if text.startswith("<class '") else text


def _activation(file: ModelFile, text: str) -> str:
    for name, module in ACTIVATIONS.items():
        if _class_name(text) == module.__name__ and ("." not in text or "torch.nn." in text):
            return name
    raise file.error(f"activation {text:.80}, where these are read: {', '.join(ACTIVATIONS)}")
