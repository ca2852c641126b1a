"""Warm start: whose weights a fold begins with, and whether what it trained is kept.

Not here: copying, shrinking and perturbing weights (`training.agent`). Why flat does not compete
as a start, and why ties stay with the incumbent: `docs/decisions/041-warm-start.md`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from envs.errors import UnknownNameError
from training.rules.decision import WARM_START, Decision, check_bounds

WarmStartMode = Literal["off", "previous_best", "champions"]


@dataclass(frozen=True, kw_only=True)
class WarmStartConfig:
    """Where initial weights come from.

    Raises:
        UnknownNameError: If the mode is not a known one.
        ConfigError: If a value is out of range.
    """

    mode: WarmStartMode = "champions"
    """`off` = fresh weights in every fold; `previous_best` = the model of the fold before
    (historical); `champions` = the best of the last k models on this fold's validation bars."""
    last_k: int = 3
    """Champions: how many of the latest models compete, at least 1."""
    min_score: float | None = None
    """Champions: a model below this score on this fold's validation bars is no start; 0 is flat.
    None = any model may be one."""
    shrink_frac: float | None = None
    """Share of the weights that is kept, in (0, 1]; None = all. Shrink and perturb: Ash and
    Adams, On Warm-Starting Neural Network Training, 2020."""
    perturb_frac: float | None = None
    """Noise added to the weights, in units of each layer's initial standard deviation, in (0, 1];
    None = none."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(WarmStartMode):
            raise UnknownNameError.of("warm start mode", self.mode, get_args(WarmStartMode))
        check_bounds("last_k", self.last_k, 1)
        if self.min_score is not None:
            check_bounds("min_score", self.min_score, -math.inf)
        for name in ("shrink_frac", "perturb_frac"):
            if (value := getattr(self, name)) is not None:
                check_bounds(name, value, 0, 1, open_low=True)

    @property
    def enabled(self) -> bool:
        """Whether this rule decides anything."""
        return self.mode != "off"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model of an earlier fold.

    Attributes:
        fold_index: The fold that kept it.
        own_score: Its score on that fold's validation bars; for the record, never compared.
        score_here: Its score on the validation bars of the fold to decide for; None = not taken.
    """

    fold_index: int
    own_score: float
    score_here: float | None = None


def folds_to_score(config: WarmStartConfig, fold_indices: Sequence[int]) -> tuple[int, ...]:
    """Return the folds whose models `decide_warm_start` needs `score_here` of, latest first.

    Args:
        config: The rule's settings.
        fold_indices: Earlier folds of the chain that kept a model.
    """
    if config.mode != "champions":
        return ()
    return tuple(sorted(fold_indices, reverse=True)[: config.last_k])


def decide_warm_start(config: WarmStartConfig, candidates: Sequence[Candidate]) -> Decision:
    """Decide which earlier model a fold starts from.

    Scores compare only on the same bars, so champions compete on this fold's validation bars. Of
    equals the latest wins: it has seen the newest bars.

    Args:
        config: The rule's settings.
        candidates: Models of earlier folds of the same chain. With `champions`, those of
            `folds_to_score` must carry `score_here`.

    Returns:
        A decision whose value is the fold index of the model to start from; None = fresh weights.
    """
    if config.mode == "off":
        return _start(None, "off: fresh weights")
    if not candidates:
        return _start(None, "no earlier fold kept a model: fresh weights")
    if config.mode == "previous_best":
        previous = max(candidate.fold_index for candidate in candidates)
        return _start(previous, f"the model of the latest fold, {previous}")
    return _champion(config, candidates)


def decide_keep(trained_score: float, incumbent_score: float | None) -> Decision:
    """Decide whether the newly trained model replaces the one it started from.

    The fold's model is never worse than the incumbent on this fold's validation bars. Of equals
    the incumbent stays, as the earliest of equal evaluations does inside a fold.

    Args:
        trained_score: Score of the trained model on this fold's validation bars.
        incumbent_score: Score of the incumbent on the same bars; None = there is none.

    Returns:
        A decision whose value is True to keep the trained model, False for the incumbent.
    """
    if incumbent_score is None:
        reason = f"the trained model, {trained_score:.6g}: there is no incumbent"
        return Decision(rule=WARM_START, value=True, reason=reason)
    keep = trained_score > incumbent_score
    winner = "the trained model" if keep else "the incumbent"
    reason = (
        f"{winner}: trained {trained_score:.6g}, incumbent {incumbent_score:.6g} "
        "on the same validation bars"
    )
    inputs = {"trained_score": trained_score, "incumbent_score": incumbent_score}
    return Decision(rule=WARM_START, value=keep, reason=reason, inputs=inputs)


def _champion(config: WarmStartConfig, candidates: Sequence[Candidate]) -> Decision:
    wanted = folds_to_score(config, [candidate.fold_index for candidate in candidates])
    scores = {c.fold_index: c.score_here for c in candidates if c.fold_index in wanted}
    compared = [(_scored(scores[fold], fold), fold) for fold in wanted]
    best_score, best = max(compared)
    listed = ", ".join(f"fold {fold} {score:.6g}" for score, fold in compared)
    inputs: dict[str, list[float]] = {
        "fold_indices": list(wanted),
        "scores_here": [score for score, _ in compared],
    }
    if config.min_score is not None and best_score < config.min_score:
        reason = f"fresh weights: no score on these bars reaches {config.min_score:g} ({listed})"
        return _start(None, reason, **inputs)
    return _start(best, f"the model of fold {best} scores best on these bars ({listed})", **inputs)


def _scored(score: float | None, fold_index: int) -> float:
    assert score is not None, f"the model of fold {fold_index} was not scored on these bars"
    assert math.isfinite(score), f"the model of fold {fold_index} scored {score}"
    return score


def _start(value: int | None, reason: str, **inputs: Sequence[float]) -> Decision:
    return Decision(rule=WARM_START, value=value, reason=reason, inputs=inputs)
