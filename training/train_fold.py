"""One fold: train on its train slice, score on its validation slice, hand back the best weights.

Here: the training of a single model within a budget, with its schedule, its evaluations and its
early stop. Not here: the budget and the start (decided in `training.walk_forward`), the test slice
(only `walk_forward` touches it). Rules decide; this file carries out and records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback

from envs.market import Tape
from training.agent.build import build_agent, resolve_device
from training.agent.config import AgentConfig
from training.agent.hyperparameters import apply_hyperparameters, read_hyperparameters
from training.agent.vec_env import training_env
from training.agent.weights import Weights, restore_weights, shrink_and_perturb, snapshot_weights
from training.clock import Instant, StageClock
from training.config import RunConfig
from training.evaluate import evaluate
from training.events import Evaluated, FirstPlayed, Listener, Progressed
from training.folds import Fold
from training.rules.decision import Decision, EvaluationPoint
from training.rules.early_stopping import decide_stop
from training.rules.evaluation_schedule import next_evaluation_step
from training.rules.schedules import Hyperparameters, hyperparameters_at
from training.seeds import branch_seed, generator
from training.summary import AppliedHyperparameters, decided


@dataclass(frozen=True, kw_only=True)
class FoldJob:
    """What one fold trains on, for how long, from where.

    Attributes:
        fold: Its ranges of bars.
        tape: The market those ranges index.
        budget_steps: Env steps it may take; in whole rollouts, so the last one may pass it.
        initial_weights: Weights to start from; None starts from fresh ones.
        tensorboard_folder: Where scalars go; None writes none.
    """

    fold: Fold
    tape: Tape
    budget_steps: int
    initial_weights: Weights | None = None
    tensorboard_folder: Path | None = None


@dataclass(kw_only=True)
class FoldTraining:
    """What training one fold came to; filled while it runs.

    Attributes:
        agent: The trained agent; it carries `best_weights` once training has ended.
        budget_steps: Env steps it was allowed.
        n_steps: Env steps trained.
        n_updates: PPO updates made.
        evaluations: Scores on the validation bars, in order.
        decisions: What the rules decided inside the fold.
        hyperparameters: What the updates ran with, an entry for each change.
        best_weights: Weights of the best evaluation.
        stopped_early: Whether early stopping ended training before the budget.
    """

    agent: RecurrentPPO
    budget_steps: int
    n_steps: int = 0
    n_updates: int = 0
    evaluations: list[EvaluationPoint] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    hyperparameters: list[AppliedHyperparameters] = field(default_factory=list)
    best_weights: Weights = field(default_factory=dict)
    stopped_early: bool = False

    @property
    def policy(self) -> RecurrentActorCriticPolicy:
        """The agent's networks."""
        policy = self.agent.policy
        assert isinstance(policy, RecurrentActorCriticPolicy)
        return policy

    @property
    def best(self) -> EvaluationPoint:
        """The best evaluation, the earliest of equals."""
        return max(self.evaluations, key=lambda point: point.score)


def train_fold(
    job: FoldJob, config: RunConfig, *, emit: Listener, clock: StageClock
) -> FoldTraining:
    """Train one model on a fold's train slice and leave it with its best weights.

    Deterministic in (job, config): environment, network and sampling draw from branches of
    `config.seed` named after the fold, and evaluation never moves them.

    Args:
        job: The fold, its market, its budget and its start.
        config: The run's settings.
        emit: Receives decisions, evaluations and progress.
        clock: Receives seconds for `env`, `rollout`, `update` and `evaluation`.
    """
    with clock.stage("env"):
        agent = _make_agent(job, config)
        _set_start(agent, job, config)
    training = FoldTraining(agent=agent, budget_steps=job.budget_steps)
    loop = _FoldLoop(job, config, training, emit=emit, clock=clock)
    agent.learn(
        total_timesteps=job.budget_steps,
        callback=loop,
        tb_log_name=f"fold_{job.fold.index:03d}",
    )
    agent.logger.close()
    restore_weights(agent, training.best_weights)
    return training


def base_hyperparameters(config: AgentConfig) -> Hyperparameters:
    """Return the agent's own values of what a schedule moves."""
    return Hyperparameters(
        learning_rate=config.learning_rate,
        n_epochs=config.n_epochs,
        ent_coef=config.ent_coef,
        clip_range=config.clip_range,
    )


def _make_agent(job: FoldJob, config: RunConfig) -> RecurrentPPO:
    env = training_env(
        job.tape,
        config.env,
        resolve_device("cpu" if config.agent.engine == "stock" else config.device),
        n_envs=config.agent.n_envs,
        start=job.fold.train.start,
        stop=job.fold.train.stop,
        random_starts=config.random_starts,
    )
    return build_agent(
        env,
        config.agent,
        seed=branch_seed(config.seed, "fold", job.fold.index),
        device=config.device,
        tensorboard_folder=job.tensorboard_folder,
    )


def _set_start(agent: RecurrentPPO, job: FoldJob, config: RunConfig) -> None:
    """Give a fresh agent its initial weights, shrunk and perturbed where the rule says so."""
    if job.initial_weights is None:
        return
    rule = config.rules.warm_start
    weights = shrink_and_perturb(
        job.initial_weights,
        snapshot_weights(agent),
        shrink_frac=rule.shrink_frac,
        perturb_frac=rule.perturb_frac,
        generator=generator(config.seed, "fold", job.fold.index, "perturb"),
    )
    restore_weights(agent, weights)


class _FoldLoop(BaseCallback):
    """What happens between two rollouts: evaluate, stop, schedule, report.

    stable-baselines3 calls `_on_rollout_start` before each rollout, so at its second call the
    first update is done. A stop takes effect at the next env step, which is not trained on.
    """

    def __init__(
        self,
        job: FoldJob,
        config: RunConfig,
        training: FoldTraining,
        *,
        emit: Listener,
        clock: StageClock,
    ) -> None:
        super().__init__()
        self._job, self._config, self._training = job, config, training
        self._emit, self._clock = emit, clock
        self._base = base_hyperparameters(config.agent)
        self._next_evaluation_steps = 0
        self._stage_started = Instant.now()

    def _on_training_start(self) -> None:
        self._plan_next_evaluation()
        self._stage_started = Instant.now()

    def _on_rollout_start(self) -> None:
        if self._training.n_steps:
            self._close_update()
            self._evaluate_when_due()
        self._apply_schedule()
        self._stage_started = Instant.now()

    def _on_step(self) -> bool:
        return not self._training.stopped_early

    def _on_rollout_end(self) -> None:
        took_s = self._clock.add_since("rollout", self._stage_started)
        n_steps = self._config.agent.rollout_steps
        if not self._training.n_steps:
            index = self._job.fold.index
            self._emit(FirstPlayed(fold_index=index, n_steps=n_steps, duration_s=took_s))
        self._training.n_steps += n_steps
        self._stage_started = Instant.now()

    def _on_training_end(self) -> None:
        if not self._training.stopped_early:
            self._close_update()
            self._evaluate()
        self.logger.dump(self._training.n_steps)

    def _close_update(self) -> None:
        self._clock.add_since("update", self._stage_started)
        self._training.n_updates = self._training.n_steps // self._config.agent.rollout_steps
        self._report_progress()

    def _apply_schedule(self) -> None:
        training, previous = self._training, read_hyperparameters(self._training.agent)
        kl = self.logger.name_to_value.get("train/approx_kl") if training.n_steps else None
        values = hyperparameters_at(
            self._config.rules.schedule,
            self._base,
            training.n_steps / self._job.budget_steps,
            previous=previous,
            last_kl=None if kl is None else float(kl),
        )
        apply_hyperparameters(self._training.agent, values)
        applied = read_hyperparameters(self._training.agent)
        if not training.hyperparameters or training.hyperparameters[-1].values != applied:
            training.hyperparameters.append(
                AppliedHyperparameters(n_steps=training.n_steps, values=applied)
            )
        for name, value in asdict(applied).items():
            self.logger.record(f"schedule/{name}", value)

    def _evaluate_when_due(self) -> None:
        if self._training.n_steps < self._next_evaluation_steps:
            return
        self._evaluate()
        self._plan_next_evaluation()
        stop = decide_stop(
            self._config.rules.early_stopping, self._job.budget_steps, self._training.evaluations
        )
        if stop.value:
            self._training.stopped_early = True
            self._decided(stop)

    def _evaluate(self) -> None:
        started = Instant.now()
        score = evaluate(
            self._training.policy,
            self._job.tape,
            self._config.env,
            self._job.fold.validation,
            score=self._config.score,
            fast=self._config.rules.fast_evaluation.enabled,
        ).score
        cost_s = self._clock.add_since("evaluation", started)
        self._record(EvaluationPoint(step=self._training.n_steps, score=score), cost_s=cost_s)

    def _record(self, point: EvaluationPoint, *, cost_s: float) -> None:
        training = self._training
        is_best = not training.evaluations or point.score > training.best.score
        training.evaluations.append(point)
        if is_best:
            training.best_weights = snapshot_weights(self._training.agent)
        self.logger.record("validation/score", point.score)
        self.logger.record("validation/best_score", training.best.score)
        self._emit(
            Evaluated(
                fold_index=self._job.fold.index,
                n_steps=point.step,
                score=point.score,
                best_score=training.best.score,
                is_best=is_best,
                cost_s=cost_s,
            )
        )

    def _plan_next_evaluation(self) -> None:
        decision = next_evaluation_step(
            self._config.rules.evaluation_schedule,
            self._training.evaluations,
            budget_steps=self._job.budget_steps,
            evaluation_bars=self._job.fold.validation.n_bars,
            n_epochs=self._config.agent.n_epochs,
        )
        assert isinstance(decision.value, int)
        self._next_evaluation_steps = decision.value
        self.logger.record("rules/next_evaluation_steps", decision.value)
        self._decided(decision)

    def _decided(self, decision: Decision) -> None:
        self._training.decisions.append(decision)
        self._emit(decided(self._job.fold.index, decision))

    def _report_progress(self) -> None:
        training, values = self._training, read_hyperparameters(self._training.agent)
        self._emit(
            Progressed(
                fold_index=self._job.fold.index,
                n_steps=training.n_steps,
                budget_steps=self._config.agent.whole_rollouts(self._job.budget_steps),
                steps_per_s=training.n_steps / self._clock.seconds("rollout", "update"),
                **asdict(values),
            )
        )
