"""Counters: what each rule decided, saved and cost. What was not measured is never claimed.

A saving is None until someone adds a measured or arithmetic amount and says where it comes from.
Not here: reports (`training.summary`, `bot.report`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from training.rules.decision import (
    ADAPTIVE_TIMESTEPS,
    EARLY_STOPPING,
    EVALUATION_SCHEDULE,
    FAST_EVALUATION,
    PHASE_SCHEDULE,
    PREPROCESSING_CACHE,
    RULES,
    WARM_START,
)

Unit = Literal["steps", "builds", "bars", "seconds"]
NOT_MEASURED = "not measured"

UNITS: Mapping[str, Unit] = {
    ADAPTIVE_TIMESTEPS: "steps",
    WARM_START: "steps",
    EARLY_STOPPING: "steps",
    PHASE_SCHEDULE: "steps",
    EVALUATION_SCHEDULE: "bars",
    PREPROCESSING_CACHE: "builds",
    FAST_EVALUATION: "seconds",
}
"""What each rule saves: env steps not trained, bars not evaluated, builds, or seconds."""


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """What one rule came to in a run.

    Attributes:
        n_decisions: Decisions it made.
        saved: What it saved, in `unit`; None where that was not measured.
        unit: A value of `UNITS`.
        cost_s: Seconds spent on it, such as scoring candidates; None where not measured.
        how_measured: Where `saved` comes from, as a sentence.
    """

    n_decisions: int = 0
    saved: float | None = None
    unit: Unit
    cost_s: float | None = None
    how_measured: str = NOT_MEASURED


@dataclass
class RuleCounters:
    """The counts of all rules; part of the resumable state of a run.

    Attributes:
        by_rule: One count for each name of `RULES`.
    """

    by_rule: dict[str, RuleCount] = field(
        default_factory=lambda: {rule: RuleCount(unit=UNITS[rule]) for rule in RULES}
    )

    def count_decision(self, rule: str) -> None:
        """Count one decision of a rule."""
        count = self.by_rule[rule]
        self.by_rule[rule] = replace(count, n_decisions=count.n_decisions + 1)

    def add_saved(self, rule: str, amount: float, *, how_measured: str) -> None:
        """Add to what a rule saved; a negative amount says that it cost more.

        Args:
            rule: A name of `RULES`.
            amount: In the rule's unit of `UNITS`.
            how_measured: Where the amount comes from, the same sentence each time.
        """
        count = self.by_rule[rule]
        assert count.how_measured in (NOT_MEASURED, how_measured), f"{rule}: two ways of measuring"
        saved = (count.saved or 0) + amount
        self.by_rule[rule] = replace(count, saved=saved, how_measured=how_measured)

    def add_cost(self, rule: str, seconds: float) -> None:
        """Add seconds that a rule took beyond what a run without it would do."""
        count = self.by_rule[rule]
        self.by_rule[rule] = replace(count, cost_s=(count.cost_s or 0.0) + seconds)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return each rule's count by name; None stays None."""
        return {rule: asdict(count) for rule, count in self.by_rule.items()}

    @classmethod
    def from_json(cls, content: Mapping[str, Mapping[str, Any]]) -> RuleCounters:
        """Read back what `to_json` wrote."""
        return cls(by_rule={rule: RuleCount(**count) for rule, count in content.items()})


def add_budget_saving(counters: RuleCounters, *, base_steps: int, budget_steps: int) -> None:
    """Book the env steps by which a fold's budget is below the base: arithmetic, not time."""
    counters.add_saved(
        ADAPTIVE_TIMESTEPS,
        base_steps - budget_steps,
        how_measured="rollouts of the base minus those of the budget, in steps; "
        "says nothing of quality",
    )


def add_stop_saving(counters: RuleCounters, *, budget_steps: int, steps_trained: int) -> None:
    """Book the env steps of its budget that a fold did not train because it was stopped."""
    counters.add_saved(
        EARLY_STOPPING,
        max(budget_steps - steps_trained, 0),
        how_measured="rollouts of the budget minus those trained, in steps, of folds stopped early",
    )
