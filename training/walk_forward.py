"""The main loop of a training: start reading here.

Fold after fold: where does it start, how long may it train, train, which model is kept, test that
model once on bars that nothing has seen, save. A run that was interrupted goes on at its first
unfinished fold and ends with the same files.

Not here: training inside a fold (`training.train_fold`), what the rules decide (`training.rules`),
the state and the files of a run (`training.run`), the accounting (`envs.market`).
"""

from __future__ import annotations

from collections.abc import Mapping

from envs.array_cache import ArrayCache
from envs.data.load import LoadedBars
from training.clock import StageClock
from training.config import OutputConfig, RunConfig
from training.events import FoldStarted, Listener, RunFinished
from training.out_of_sample import walk_test_slice
from training.prepare import prepare
from training.rules.adaptive_timesteps import decide_budget
from training.rules.schedules import decide_schedule
from training.run import Run
from training.scene import Scene
from training.selection import Start, choose_start, keep_better
from training.train_fold import FoldJob, FoldTraining, base_hyperparameters, train_fold


def walk_forward(
    config: RunConfig,
    loaded: LoadedBars,
    output: OutputConfig,
    *,
    provenance: Mapping[str, str],
    listener: Listener,
    cache: ArrayCache | None = None,
    clock: StageClock | None = None,
) -> RunFinished:
    """Train and test every fold and write the results folder.

    Args:
        config: What to train.
        loaded: The bars, and where they came from.
        output: Where results go.
        provenance: Who set each setting: `flag`, `profile:fast`, `sample`, `data`, `default`, ...
        listener: Receives every event.
        cache: Where features are kept; None builds them anew.
        clock: Seconds spent so far, such as loading the bars.

    Returns:
        The last event, with both summaries.

    Raises:
        WalkfastError: For every mistake of the user, before any training starts.
    """
    clock = clock or StageClock()
    prepared = prepare(config, loaded.bars, cache=cache, clock=clock)
    with Run(config, loaded, prepared, output=output, listener=listener, clock=clock) as run:
        run.begin(provenance)
        run.time_original(provenance)
        for fold in run.unfinished_folds():
            scene = Scene.open(fold, run.config, prepared, run.emit)
            start = choose_start(run, scene)
            budget_steps = _decide_budget(run, scene, start)
            training = _train(run, scene, budget_steps, start)
            choice = keep_better(scene, start, training)
            run.save_fold(walk_test_slice(run, scene, training, choice))
        return run.finish()


def _decide_budget(run: Run, scene: Scene, start: Start | None) -> int:
    rules = run.config.rules
    budget = scene.decide(
        decide_budget(
            rules.adaptive_timesteps,
            scene.fold.index,
            [record.outcome for record in run.records],
            warm_started=start is not None,
        )
    )
    scene.decide(decide_schedule(rules.schedule, base_hyperparameters(run.config.agent)))
    assert isinstance(budget.value, int)
    return budget.value


def _train(run: Run, scene: Scene, budget_steps: int, start: Start | None) -> FoldTraining:
    fold = scene.fold
    run.emit(
        FoldStarted(
            fold_index=fold.index,
            budget_steps=run.config.agent.whole_rollouts(budget_steps),
            warm_start_from=None if start is None else start.fold_index,
            train_start=fold.train.start,
            train_stop=fold.train.stop,
            validation_start=fold.validation.start,
            validation_stop=fold.validation.stop,
            test_start=fold.test.start,
            test_stop=fold.test.stop,
        )
    )
    job = FoldJob(
        fold=fold,
        tape=scene.tape,
        budget_steps=budget_steps,
        initial_weights=None if start is None else start.policy.state_dict(),
        tensorboard_folder=run.tensorboard_folder,
    )
    training = train_fold(job, run.config, emit=run.emit, clock=scene.clock)
    scene.decisions.extend(training.decisions)
    return training
