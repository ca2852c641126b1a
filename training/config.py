"""`RunConfig`: everything that decides what a run computes. Only this file sees the whole.

Two runs with equal `RunConfig` and equal bars give the same bits on one machine. Where results go
and how the screen looks is not here (`OutputConfig`, `bot`). Each part's fields are documented
beside the code that they configure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import TypeAdapter

from envs.config import EnvConfig
from envs.data.settings import LoadSettings
from envs.errors import ConfigError, UnknownNameError
from envs.features import FeatureConfig
from envs.fingerprint import fingerprint
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.evaluate import SCORES
from training.folds import FoldConfig
from training.rules.config import RulesConfig

Method = Literal["optimized", "original"]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What to train, on which bars, by which rules.

    Raises:
        UnknownNameError: If `method` or `score` is not a known name.
        ConfigError: If `seed` is negative.
    """

    method: Method = "optimized"
    """`optimized` (our walk-forward rules) or `original` (the training they are compared with)."""
    profile: str = "balanced"
    """Name of the profile the settings started from; for the record only."""
    data_path: str | None = None
    """File of bars; None is the embedded planted market."""
    data: LoadSettings = field(default_factory=LoadSettings)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    env: EnvConfig = field(default_factory=EnvConfig)
    folds: FoldConfig = field(default_factory=FoldConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    rules: RulesConfig = field(default_factory=RulesConfig)
    random_starts: bool = True
    """Whether training episodes begin at random bars of the train slice; off walks it whole."""
    score: str = "log_return"
    """How a model is scored on validation bars: a name of `training.evaluate.SCORES`."""
    initial_model: str | None = None
    """Model file that fold 0 starts from; None starts from fresh weights."""
    seed: int = 42
    """Root of the tree of random numbers, 0 or more."""
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu` or `cuda`."""

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UnknownNameError.of("training method", self.method, get_args(Method))
        if self.score not in SCORES:
            raise UnknownNameError.of("score", self.score, SCORES)
        if self.seed < 0:
            raise ConfigError("The seed must be 0 or more", came=str(self.seed), where="seed")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of every value that decides results.

        Names of files and profiles are left out, and numbers of threads that give the same bits
        are one.
        """
        content = to_json(self)
        for name in NAMES:
            del content[name]
        content["agent"]["n_threads"] = self.agent.most_equal_threads
        return fingerprint("run-config-1", content)


NAMES = ("profile", "data_path", "initial_model")
"""Settings that say where something came from: what it is decides."""

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)
"""Names that Windows keeps for devices, with any ending."""


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """Where a run writes; changes no result.

    Raises:
        ConfigError: If `run_name` is no plain name of a folder on every system.
    """

    results_dir: Path = Path("results")
    """Folder of all runs."""
    run_name: str | None = None
    """Folder of this run in it; None is the seed."""
    fresh: bool = False
    """Start anew in a folder of its own, even where this run was begun before."""
    tensorboard: bool = True
    """Whether scalars for TensorBoard are written."""
    calibrate: bool = False
    """Whether the original training is timed before the first fold, for the speed-up."""

    def __post_init__(self) -> None:
        if self.run_name is not None and not _is_folder_name(self.run_name):
            raise ConfigError(
                "A run name must be the plain name of one folder, allowed on every system",
                came=repr(self.run_name),
                where="run_name",
                mend="use letters, digits, - and _; --results_dir chooses the folder of all runs",
            )


def _is_folder_name(name: str) -> bool:
    if not name or name[0] == "." or name[-1] in ". " or not name.isprintable():
        return False
    return not set(name) & set('/\\<>:"|?*') and name.partition(".")[0].lower() not in _RESERVED


def original_config() -> RunConfig:
    """Return the original training: one env, the large network, no rule but best-of-evaluations."""
    return RunConfig(
        method="original",
        profile="legacy",
        agent=ORIGINAL_AGENT,
        random_starts=False,
        env=EnvConfig(action_mode="orders"),
        rules=RulesConfig.original(),
    )


def on_the_same_ground(
    original: RunConfig, chosen: RunConfig, *, budget_steps: int | None
) -> RunConfig:
    """Return the original training on the bars, market, features and folds of another one.

    Args:
        original: What trains: agent, rules, actions.
        chosen: Where, with which seed and on which device.
        budget_steps: Env steps of a fold that were asked for of both; None leaves the original its
            own.
    """
    names = ("data_path", "data", "features", "folds", "score", "seed", "device")
    values: dict[str, Any] = {name: getattr(chosen, name) for name in names}
    values["env"] = replace(chosen.env, action_mode=original.env.action_mode)
    if budget_steps is not None:
        rule = original.rules.adaptive_timesteps
        values["rules.adaptive_timesteps"] = rule.with_base(budget_steps)
    return with_values(original, values)


def budget_of_both(config: RunConfig, provenance: Mapping[str, str]) -> int | None:
    """Return the env steps of a fold that were typed, which hold for the original, too.

    None where nobody typed them: then each training has its own budget.
    """
    typed = provenance.get("rules.adaptive_timesteps.base_timesteps") == "flag"
    return config.rules.adaptive_timesteps.base_timesteps if typed else None


def to_json(config: Any) -> dict[str, Any]:
    """Return a configuration dataclass as plain JSON values."""
    content: dict[str, Any] = TypeAdapter(type(config)).dump_python(config, mode="json")
    return content


def with_values(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Return the configuration with some fields replaced, all checks run once at the end.

    Args:
        config: Where the other values come from.
        values: New values by dotted path, e.g. `{"agent.learning_rate": 1e-3}`.

    Raises:
        UnknownNameError: If a path names no field.
        ConfigError: If the new values break a rule of their dataclass.
    """
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *parents, name = path.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = value
    replaced: RunConfig = _replaced(config, tree)
    return replaced


def _replaced(config: Any, tree: Mapping[str, Any]) -> Any:
    known = [item.name for item in fields(config)]
    changes = {}
    for name, value in tree.items():
        if name not in known:
            raise UnknownNameError.of(f"setting of {type(config).__name__}", name, known)
        current = getattr(config, name)
        nested = is_dataclass(current) and isinstance(value, Mapping)
        changes[name] = _replaced(current, value) if nested else value
    return replace(config, **changes)
