"""What a rule says (`Decision`) and what it may look at (`EvaluationPoint`, `FoldOutcome`).

Not here: the rules themselves, one module each beside this one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from envs.errors import ConfigError

Scalar = bool | int | float | str | None

ADAPTIVE_TIMESTEPS = "adaptive_timesteps"
WARM_START = "warm_start"
EARLY_STOPPING = "early_stopping"
PHASE_SCHEDULE = "phase_schedule"
EVALUATION_SCHEDULE = "evaluation_schedule"
PREPROCESSING_CACHE = "preprocessing_cache"
FAST_EVALUATION = "fast_evaluation"
RULES = (
    ADAPTIVE_TIMESTEPS,
    WARM_START,
    EARLY_STOPPING,
    PHASE_SCHEDULE,
    EVALUATION_SCHEDULE,
    PREPROCESSING_CACHE,
    FAST_EVALUATION,
)
"""Names of the seven rules, as they stand in decisions, counters and reports."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a rule decided, and why.

    Attributes:
        rule: A name of `RULES`.
        value: What was decided; None where the rule says "nothing".
        reason: A plain sentence with the numbers that decided.
        inputs: Those numbers by name, JSON values.
    """

    rule: str
    value: Scalar
    reason: str
    inputs: Mapping[str, Scalar | Sequence[Scalar]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.rule in RULES, f"unknown rule {self.rule!r}"
        assert not isinstance(self.value, float) or math.isfinite(self.value), self.reason

    def to_json(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        inputs = {name: _plain(value) for name, value in self.inputs.items()}
        return {"rule": self.rule, "value": self.value, "reason": self.reason, "inputs": inputs}


@dataclass(frozen=True, kw_only=True)
class EvaluationPoint:
    """A score on validation bars; higher is better and 0 is flat.

    Attributes:
        step: Env steps trained in this fold when it was taken.
        score: A finite number: a failed evaluation is an error, never a point.
    """

    step: int
    score: float

    def __post_init__(self) -> None:
        assert self.step >= 0, f"negative step {self.step}"
        assert math.isfinite(self.score), f"score {self.score} at step {self.step}"

    def to_json(self) -> dict[str, float]:
        """Return the fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class FoldOutcome:
    """What training one fold came to.

    Attributes:
        fold_index: Number of the fold.
        budget_steps: Env steps it was allowed.
        steps_trained: Env steps it took; may pass the budget by less than one rollout.
        best_step: Env steps trained at its best evaluation; 0 when the model it started from won.
        best_score: Score of that evaluation.
        n_evaluations: Evaluations it made.
        stopped_early: Whether early stopping ended it.
        warm_started_from: Fold whose model it started from; None without one.
        from_user_model: Whether it started from a model of the user's own.
    """

    fold_index: int
    budget_steps: int
    steps_trained: int
    best_step: int
    best_score: float
    n_evaluations: int
    stopped_early: bool
    warm_started_from: int | None
    from_user_model: bool = False

    def __post_init__(self) -> None:
        assert 0 <= self.best_step <= self.steps_trained, (
            f"fold {self.fold_index} was best at step {self.best_step} of {self.steps_trained}"
        )

    @property
    def is_fresh(self) -> bool:
        """Whether it started from fresh weights."""
        return self.warm_started_from is None and not self.from_user_model

    def to_json(self) -> dict[str, Scalar]:
        """Return the fields as JSON values."""
        return asdict(self)


def check_bounds(
    name: str, value: float, low: float, high: float = math.inf, *, open_low: bool = False
) -> None:
    """Refuse a setting outside [low, high], or outside (low, high] with `open_low`.

    Raises:
        ConfigError: If the value is outside, or not a number.
    """
    inside = low < value <= high if open_low else low <= value <= high
    if inside:
        return
    left = f"more than {low:g}" if open_low else f"at least {low:g}"
    right = "" if math.isinf(high) else f" and at most {high:g}"
    raise ConfigError(
        f"{name} must be {left}{right}",
        came=f"{value}",
        mend="give a value within that, or leave it out for the profile's own",
    )


def _plain(value: Scalar | Sequence[Scalar]) -> Scalar | list[Scalar]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return list(value)
