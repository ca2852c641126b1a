"""The one look at a fold's test bars: walk the chosen model over them and write everything down.

Nothing that is learned here flows back: records of a fold's test are read by reports only.
"""

from __future__ import annotations

from training.agent.checkpoint import ModelCard, save_model
from training.folds import Fold
from training.rules.decision import FoldOutcome
from training.run import Run
from training.scene import Scene
from training.selection import Choice
from training.store import MODEL_FILE
from training.summary import FoldRecord, fold_times, iso_time
from training.tables import measure_test, write_test_tables
from training.train_fold import FoldTraining


def walk_test_slice(run: Run, scene: Scene, training: FoldTraining, choice: Choice) -> FoldRecord:
    """Test the model that the agent carries, save it with its trades, and record the fold."""
    bars, fold = run.prepared.bars, scene.fold
    with scene.clock.stage("test"):
        tested = scene.walk(training.policy, fold.test)
        others = run.baselines(fold)
    with scene.clock.stage("saving"):
        sha256 = save_model(
            run.store.fold_path(fold.index, MODEL_FILE), training.agent, _card(run, scene, choice)
        )
        write_test_tables(run.store, scene.tape, fold.index, tested=tested, others=others)
    measures = measure_test(scene.tape, tested, others)
    return FoldRecord(
        fold=fold,
        times=fold_times(bars, fold),
        decisions=tuple(scene.decisions),
        evaluations=tuple(training.evaluations),
        hyperparameters=tuple(training.hyperparameters),
        outcome=_outcome(scene, training, choice),
        chosen="trained" if choice.trained else "incumbent",
        validation_score=choice.score,
        test=measures.agent,
        baselines=measures.baselines,
        n_updates=training.n_updates,
        stage_s=scene.clock.to_json(),
        stage_cpu_s=scene.clock.cpu_to_json(),
        duration_s=scene.duration_s,
        weights_sha256=sha256,
    )


def _card(run: Run, scene: Scene, choice: Choice) -> ModelCard:
    bars = run.prepared.bars
    return ModelCard(
        config=run.config.agent,
        layout=run.prepared.layout,
        features=run.config.features,
        scaler=scene.scaler,
        env=run.config.env,
        description={
            "fold": scene.fold.to_json(),
            "seed": run.config.seed,
            "bars": bars.fingerprint,
            "symbol": bars.symbol,
            "timeframe": bars.timeframe.name,
            "seen_until": _seen_until(run, scene.fold),
            "validation_score": choice.score,
        },
    )


def _seen_until(run: Run, fold: Fold) -> str | None:
    """Return the open time of the bar that the model knows no decision of, nor of any later one.

    None where the user's own model was the start: what that has seen is not known.
    """
    if run.config.initial_model is not None:
        return None
    return iso_time(int(run.prepared.bars.time_us[fold.validation.stop]))


def _outcome(scene: Scene, training: FoldTraining, choice: Choice) -> FoldOutcome:
    return FoldOutcome(
        fold_index=scene.fold.index,
        budget_steps=training.budget_steps,
        steps_trained=training.n_steps,
        best_step=training.best.step if choice.trained else 0,
        best_score=choice.score,
        n_evaluations=len(training.evaluations),
        stopped_early=training.stopped_early,
        warm_started_from=None if choice.start is None else choice.start.fold_index,
        from_user_model=choice.start is not None and choice.start.fold_index is None,
    )
