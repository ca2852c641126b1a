"""The historical words and the switches: each becomes settings, or is refused with the reason.

Not here: flags that set one field (`bot.flags.table` names it), building (`bot.flags.resolve`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from bot.flags.parse import Given
from bot.flags.table import FLAGS
from envs.errors import ConfigError
from training.config import RunConfig
from training.rules.config import RulesConfig
from training.rules.schedules import Phase

_ADAPTIVE_MODE = "rules.adaptive_timesteps.mode"
_BASE = "rules.adaptive_timesteps.base_timesteps"
_MINIMUM = "rules.adaptive_timesteps.min_timesteps"
_WARM_MODE = "rules.warm_start.mode"
_STOPPING_MODE = "rules.early_stopping.mode"
_PATIENCE = "rules.early_stopping.patience_evaluations"
_N_ENVS, _N_STEPS, _BATCH = "agent.n_envs", "agent.n_steps", "agent.batch_size"
_KIND = "rules.schedule.kind"
_FINAL = "rules.schedule.final_frac"
_PHASES = "rules.schedule.phases"
_RATE = "agent.learning_rate"


@dataclass
class Draft:
    """A command line on its way to settings.

    Attributes:
        config: The settings before flags.
        given: What was typed and is not used yet, by name of the flag.
        values: New values by dotted path.
        setters: Name of the flag that set each of them.
        derived: Paths among them whose value nobody typed: it follows another flag's.
        idle: Historical flags that were typed and do not act here, by name.
        notes: What to tell the user.
    """

    config: RunConfig
    given: Given
    values: dict[str, Any] = field(default_factory=dict)
    setters: dict[str, str] = field(default_factory=dict)
    derived: set[str] = field(default_factory=set)
    idle: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def take_settings(self) -> None:
        """Use up every flag that sets one field."""
        for name in list(self.given):
            if (path := FLAGS[name].path) is not None:
                self.set(path, self.given.pop(name), name)

    def set(self, path: str, value: Any, name: str) -> None:
        """Set a field because of a flag.

        Raises:
            ConfigError: If another flag sets it to something else.
        """
        if path in self.values and self.values[path] != value:
            raise _contradiction(self.flag_of(path), f"--{name}")
        self.values[path] = value
        self.setters[path] = name

    def flag_of(self, path: str) -> str:
        """Return the flag that set a field, as it is typed."""
        return f"--{self.setters[path]}" if path in self.setters else path

    def now(self, path: str) -> Any:
        """Return a field's value as things stand."""
        if path in self.values:
            return self.values[path]
        value: Any = self.config
        for name in path.split("."):
            value = getattr(value, name)
        return value


def refuse_unavailable(given: Given) -> None:
    """Use up the words of what does not exist yet, and refuse them where they ask for it.

    Raises:
        ConfigError: If one asks for something that walkfast does not do.
    """
    if (n_candidates := given.pop("parallel_candidates", 1)) != 1:
        raise ConfigError(
            "Parallel candidates are not available yet: each fold trains one model",
            came=f"--parallel_candidates {n_candidates}",
            mend="drop the flag, or write 1; --seeds 1,2,3 trains whole seeds side by side",
        )
    if (window := given.pop("window_size", 1)) != 1:
        raise ConfigError(
            "An observation is one bar: the LSTM carries the past from bar to bar",
            came=f"--window_size {window}",
            mend="drop the flag, or write 1; --n_steps sets how far back gradients reach",
        )


def translate_words(draft: Draft) -> None:
    """Use up every switch and historical word.

    Raises:
        ConfigError: If two flags contradict each other.
    """
    _folds(draft)
    _switch(draft, "adaptive_timesteps", _ADAPTIVE_MODE, RulesConfig().adaptive_timesteps.mode)
    _switch(draft, "warm_start", _WARM_MODE, RulesConfig().warm_start.mode)
    _patience(draft)
    _set_idle_aside(draft)
    _minimum(draft)
    _minibatch(draft)
    _rollouts(draft)
    _schedule(draft)


def _folds(draft: Draft) -> None:
    given = draft.given
    if "anchored" in given:
        draft.set("folds.mode", "anchored" if given.pop("anchored") else "rolling", "anchored")
    if "test_window" in given:
        draft.set("folds.step_bars", given.pop("test_window"), "test_window")
    if "train_split" in given:
        share = round(1 - given.pop("train_split"), 12)
        draft.set("folds.validation_frac", share, "train_split")


def _switch(draft: Draft, name: str, path: str, on_mode: str) -> None:
    """Turn a rule off, or on in the mode in force, else in our default one."""
    if name not in draft.given:
        return
    wanted, mode = draft.given.pop(name), draft.now(path)
    if path in draft.values:
        if wanted != (mode != "off"):
            raise _contradiction(f"--{name}" if wanted else f"--no-{name}", draft.flag_of(path))
        return
    value = (on_mode if mode == "off" else mode) if wanted else "off"
    draft.set(path, value, name)


def _patience(draft: Draft) -> None:
    """Patience 0 turns early stopping off; a positive one turns it on where it was off."""
    if _PATIENCE not in draft.values:
        return
    name, typed_mode = draft.setters[_PATIENCE], draft.values.get(_STOPPING_MODE)
    if draft.values[_PATIENCE] == 0:
        if typed_mode not in (None, "off"):
            raise _contradiction(f"--{name} 0", draft.flag_of(_STOPPING_MODE))
        del draft.values[_PATIENCE]
        draft.set(_STOPPING_MODE, "off", name)
    elif typed_mode == "off":
        raise _contradiction(f"--{name}", f"{draft.flag_of(_STOPPING_MODE)} off")
    elif draft.now(_STOPPING_MODE) == "off":
        draft.set(_STOPPING_MODE, RulesConfig().early_stopping.mode, name)


def _set_idle_aside(draft: Draft) -> None:
    """Drop historical flags whose rule is off, and say so: old command lines go on running."""
    for path, name in list(draft.setters.items()):
        condition = FLAGS[name].acts_with
        if not FLAGS[name].historical or condition is None:
            continue
        if (value := draft.now(condition.path)) not in condition.values:
            del draft.values[path], draft.setters[path]
            draft.idle.add(name)
            draft.notes.append(f"--{name} does not act here: {condition.path} is {value}.")


def _minimum(draft: Draft) -> None:
    """Let the minimum follow a smaller base, unless it was typed or has no say."""
    if draft.now(_ADAPTIVE_MODE) == "off":
        return
    base, minimum = draft.now(_BASE), draft.now(_MINIMUM)
    if _BASE in draft.values and _MINIMUM not in draft.values and 1 <= base < minimum:
        draft.set(_MINIMUM, base, draft.setters[_BASE])
        draft.derived.add(_MINIMUM)
        draft.notes.append(
            f"min_timesteps follows --total_timesteps down from {minimum:,} to {base:,}."
        )


def _minibatch(draft: Draft) -> None:
    """Keep the minibatches of a pass where a typed rollout does not fit the one in force."""
    typed = [path for path in (_N_ENVS, _N_STEPS) if path in draft.values]
    rollout, size = draft.now(_N_ENVS) * draft.now(_N_STEPS), draft.now(_BATCH)
    if not typed or _BATCH in draft.values or rollout < 1 or rollout % size == 0:
        return
    n_minibatches = draft.config.agent.n_minibatches
    if rollout % n_minibatches or rollout < 2 * n_minibatches:
        return
    flag = draft.flag_of(typed[0])
    draft.set(_BATCH, rollout // n_minibatches, draft.setters[typed[0]])
    draft.derived.add(_BATCH)
    draft.notes.append(
        f"batch_size follows {flag} from {size:,} to {rollout // n_minibatches:,}: {n_minibatches} "
        "minibatches a pass, as before."
    )


def _rollouts(draft: Draft) -> None:
    """Say what a typed budget comes to: training takes whole rollouts."""
    base, rollout = draft.now(_BASE), draft.now(_N_STEPS) * draft.now(_N_ENVS)
    if _BASE in draft.values and base >= 1 and rollout >= 1 and base % rollout:
        draft.notes.append(
            f"--total_timesteps {base:,} is rounded up to whole rollouts of {rollout:,} env steps: "
            f"{math.ceil(base / rollout) * rollout:,}."
        )


def _schedule(draft: Draft) -> None:
    _progressive(draft)
    final = draft.given.pop("final_learning_rate", None)
    if final is not None:
        _check_rate(final)
        if draft.now(_KIND) == "constant" and draft.setters.get(_KIND) in (
            None,
            "progressive_training",
        ):
            draft.values.pop(_KIND, None)
            draft.set(_KIND, "linear", "final_learning_rate")
    if draft.now(_KIND) == "phases":
        _scale_phases(draft, draft.values.get(_RATE), final)
    elif final is not None:
        _final_share(draft, final)


def _progressive(draft: Draft) -> None:
    if "progressive_training" not in draft.given:
        return
    wanted, typed = draft.given.pop("progressive_training"), draft.values.get(_KIND)
    word = "--progressive_training" if wanted else "--no-progressive_training"
    if typed is not None and wanted != (typed == "phases"):
        raise _contradiction(word, f"{draft.flag_of(_KIND)} {typed}")
    if typed is None:
        draft.set(_KIND, "phases" if wanted else "constant", "progressive_training")


def _scale_phases(draft: Draft, rate: float | None, final: float | None) -> None:
    """Let the first phase begin at the typed rate and the last one end at the typed final rate."""
    if rate is None and final is None:
        return
    phases = draft.now(_PHASES)
    rates = _phase_rates([phase.learning_rate for phase in phases], rate, final)
    scaled: tuple[Phase, ...] = tuple(
        replace(phase, learning_rate=new) for phase, new in zip(phases, rates, strict=True)
    )
    name = "learning_rate" if rate is not None else "final_learning_rate"
    draft.set(_PHASES, scaled, name)
    listed = ", ".join(f"{new:g}" for new in rates)
    draft.notes.append(f"The phases learn at {listed}, from --{name}.")


def _phase_rates(rates: list[float], first: float | None, final: float | None) -> list[float]:
    """Keep the phases' ratios where only the first rate is given; else spread them evenly in log.

    >>> _phase_rates([2e-3, 1e-3, 5e-4], 4e-3, None)
    [0.004, 0.002, 0.001]
    """
    first = rates[0] if first is None else first
    if final is None:
        return [first * rate / rates[0] for rate in rates]
    steps = max(len(rates) - 1, 1)
    ratio = final / first if first > 0 else math.nan
    return [first * ratio ** (index / steps) for index in range(len(rates))]


def _final_share(draft: Draft, final: float) -> None:
    rate, kind = draft.now(_RATE), draft.now(_KIND)
    if kind not in ("linear", "cosine", "one_cycle"):
        raise ConfigError(
            "--final_learning_rate needs a schedule that ends somewhere",
            came=f"{draft.flag_of(_KIND)} {kind}",
            mend="choose --schedule linear, cosine, one_cycle or phases",
        )
    if not 0 < final <= rate:
        raise ConfigError(
            "The final learning rate must lie between 0 and the learning rate",
            came=f"{final:g} after {rate:g}",
            where="--final_learning_rate",
            mend="lower it, or raise --learning_rate",
        )
    draft.set(_FINAL, final / rate, "final_learning_rate")


def _check_rate(rate: float) -> None:
    if not 0 < rate <= 1:
        raise ConfigError(
            "The final learning rate must be more than 0 and at most 1",
            came=f"{rate:g}",
            where="--final_learning_rate",
        )


def _contradiction(one: str, other: str) -> ConfigError:
    return ConfigError(
        "Two flags must not contradict each other", came=f"{one} and {other}", mend="drop one"
    )
