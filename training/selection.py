"""Which model a fold starts from, and which one it keeps: chosen on its own validation bars.

Only validation bars are looked at here; the test slice is `training.out_of_sample`'s alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.weights import restore_weights
from training.rules.decision import WARM_START
from training.rules.warm_start import Candidate, decide_keep, decide_warm_start, folds_to_score
from training.run import Run
from training.scene import Scene
from training.train_fold import FoldTraining


@dataclass(frozen=True, kw_only=True)
class Start:
    """The model that a fold starts from.

    Attributes:
        fold_index: Fold that it came from; None for the user's own model.
        policy: The model.
        score: Its score on the validation bars of the fold it starts.
    """

    fold_index: int | None
    policy: RecurrentActorCriticPolicy
    score: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The model that a fold keeps; the agent carries it.

    Attributes:
        start: What the fold started from; None for fresh weights.
        trained: Whether it is the trained model; otherwise `start`'s.
        score: Its score on the fold's validation bars.
    """

    start: Start | None
    trained: bool
    score: float


def choose_start(run: Run, scene: Scene) -> Start | None:
    """Choose the initial model of a fold; None is fresh weights.

    Candidates are models of earlier folds, compared on this fold's validation bars. Fold 0 starts
    from the user's own model where there is one.
    """
    initial = run.prepared.initial_model
    if scene.fold.index == 0 and initial is not None:
        score = scene.validation_scores([initial.policy])[0]
        return Start(fold_index=None, policy=initial.policy, score=score)
    with run.counted(WARM_START):
        rule, records = run.config.rules.warm_start, run.records
        wanted = folds_to_score(rule, [record.fold.index for record in records])
        policies = {index: run.policy(index) for index in wanted}
        scores = scene.validation_scores(list(policies.values()))
        here = dict(zip(wanted, scores, strict=True))
        candidates = [
            Candidate(
                fold_index=record.fold.index,
                own_score=record.validation_score,
                score_here=here.get(record.fold.index),
            )
            for record in records
        ]
        decision = scene.decide(decide_warm_start(rule, candidates))
        if decision.value is None:
            return None
        index = int(decision.value)
        policy = policies.get(index) or run.policy(index)
        score = here[index] if index in here else scene.validation_scores([policy])[0]
        return Start(fold_index=index, policy=policy, score=score)


def keep_better(scene: Scene, start: Start | None, training: FoldTraining) -> Choice:
    """Leave the agent with the trained model or with the one it started from.

    Both scores are of the same validation bars, so that a fold never ends with a worse model than
    it began with.
    """
    if start is None:
        return Choice(start=start, trained=True, score=training.best.score)
    if scene.decide(decide_keep(training.best.score, start.score)).value:
        return Choice(start=start, trained=True, score=training.best.score)
    restore_weights(training.agent, start.policy.state_dict())
    return Choice(start=start, trained=False, score=start.score)
