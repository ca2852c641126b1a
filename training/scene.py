"""`Scene`: one fold while it is worked on: its market, its stopwatch, its decisions so far.

Not here: the run it belongs to (`training.run`), the loop (`training.walk_forward`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.features import FittedScaler
from envs.market import Tape
from training import summary
from training.clock import StageClock
from training.config import RunConfig
from training.evaluate import Evaluation, evaluate, evaluate_windows
from training.events import Listener
from training.folds import Fold, Range
from training.prepare import Prepared, fold_market
from training.rules.decision import Decision


@dataclass(kw_only=True)
class Scene:
    """A fold and what its stages share.

    Attributes:
        fold: Its ranges of bars.
        config: The run's settings.
        tape: The market, features scaled for this fold.
        scaler: What scaled them; None where scaling does not depend on the fold.
        emit: Receives events.
        clock: Wall seconds by stage.
        decisions: What the rules decided, in order.
    """

    fold: Fold
    config: RunConfig
    tape: Tape
    scaler: FittedScaler | None
    emit: Listener
    clock: StageClock
    decisions: list[Decision] = field(default_factory=list)
    _started_s: float = field(default_factory=perf_counter)

    @classmethod
    def open(cls, fold: Fold, config: RunConfig, prepared: Prepared, emit: Listener) -> Scene:
        """Set up a fold's market and start its stopwatch."""
        clock = StageClock()
        with clock.stage("features"):
            tape, scaler = fold_market(prepared, fold, config)
        return cls(fold=fold, config=config, tape=tape, scaler=scaler, emit=emit, clock=clock)

    @property
    def duration_s(self) -> float:
        """Wall seconds since the scene was set up."""
        return perf_counter() - self._started_s

    def decide(self, decision: Decision) -> Decision:
        """Record what a rule decided, tell it, and hand it back."""
        self.decisions.append(decision)
        self.emit(summary.decided(self.fold.index, decision))
        return decision

    def walk(self, policy: RecurrentActorCriticPolicy, window: Range) -> Evaluation:
        """Walk a policy over some bars of this fold's market."""
        fast = self.config.rules.fast_evaluation.enabled
        return evaluate(
            policy, self.tape, self.config.env, window, score=self.config.score, fast=fast
        )

    def validation_scores(self, policies: Sequence[RecurrentActorCriticPolicy]) -> list[float]:
        """Score policies on this fold's validation bars, in one batch where the rule says so."""
        window = self.fold.validation
        if not self.config.rules.fast_evaluation.enabled:
            return [self.walk(policy, window).score for policy in policies]
        rows = evaluate_windows(
            policies, self.tape, self.config.env, [window], score=self.config.score
        )
        return [row[0].score for row in rows]
