"""What makes two sessions one run: settings, bars, features, start; and what may change its bits.

Not here: the state that is compared (`training.run`), which settings decide (`training.config`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.agent.kernel import kernel_state
from training.config import NAMES, RunConfig, to_json
from training.machine import versions
from training.prepare import Prepared
from training.store import flat_settings

Identity = dict[str, str | None]


def identity(config: RunConfig, prepared: Prepared) -> Identity:
    """Return what has to be equal for a run to go on, as fingerprints."""
    initial = prepared.initial_model
    return {
        "initial_model": None if initial is None else initial.weights_sha256,
        "settings": config.fingerprint,
        "bars": prepared.bars.fingerprint,
        "features": prepared.features.fingerprint,
    }


def differences(state: Mapping[str, Any], config: RunConfig, now: Identity) -> str:
    """Say which settings or bars are not those that a run was begun with.

    Args:
        state: Of the run, with its `config` and its `identity`.
        config: What is asked for now.
        now: The identity of that.
    """
    listed = changed_settings(state["config"], to_json(config))
    was = state["identity"]
    if was["initial_model"] != now["initial_model"]:
        listed.insert(0, "another initial model")
    if was["bars"] != now["bars"]:
        listed.insert(0, "other bars")
    elif was["features"] != now["features"] and not listed:
        listed.insert(0, "features of another version of walkfast or its libraries")
    return "; ".join(listed)


def changed_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say in which settings two configurations differ, a clause each; names are left out.

    Args:
        before: As `to_json` wrote it once, maybe with other fields.
        after: As `to_json` writes it.
    """
    old, new = flat_settings(before), flat_settings(after)
    return [
        f"{name} was {old.get(name)!r}, now {new.get(name)!r}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name not in NAMES
    ]


def surroundings() -> dict[str, str]:
    """Return what a run that goes on has to meet again for the same bits."""
    return {**versions(), "LSTM kernel": kernel_state().reason}


def changed_surroundings(first: Mapping[str, str]) -> list[str]:
    """Say what is not as in the session that a run was begun in, a clause each."""
    return [
        f"{name} {first[name]} and goes on with {version}"
        for name, version in surroundings().items()
        if first.get(name, version) != version
    ]
