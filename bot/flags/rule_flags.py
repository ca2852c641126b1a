"""Flags about learning: the rules, the schedule, when to evaluate, and the agent itself."""

from __future__ import annotations

from bot.flags.flag import ActsWith, Flag
from bot.flags.values import Kind

_SWITCH = Kind(scalar=bool)
_WHOLE = Kind(scalar=int)
_NUMBER = Kind(scalar=float)

_ADAPTIVE = "rules.adaptive_timesteps"
_WARM = "rules.warm_start"
_STOPPING = "rules.early_stopping"
_SCHEDULE = "rules.schedule"
_EVALUATION = "rules.evaluation_schedule"

_CONVERGENCE = ActsWith(f"{_ADAPTIVE}.mode", ("convergence",))
_WARM_STARTS = ActsWith(f"{_WARM}.mode", ("previous_best", "champions"))
_CHAMPIONS = ActsWith(f"{_WARM}.mode", ("champions",))
_STOPS = ActsWith(f"{_STOPPING}.mode", ("patience", "within_fold"))
_WITHIN_FOLD = ActsWith(f"{_STOPPING}.mode", ("within_fold",))
_ADAPTS = ActsWith(f"{_EVALUATION}.mode", ("adaptive",))
_RATE_SHAPES = ActsWith(f"{_SCHEDULE}.kind", ("linear", "cosine", "one_cycle"))
_KL = ActsWith(f"{_SCHEDULE}.kind", ("kl_adaptive",))
_NOT_PHASES = ActsWith(
    f"{_SCHEDULE}.kind", ("constant", "linear", "cosine", "one_cycle", "kl_adaptive")
)


BUDGET = (
    Flag(
        "total_timesteps",
        "env steps of fold 0, and the most any fold gets, rounded up to whole "
        "rollouts of n_steps * n_envs",
        f"{_ADAPTIVE}.base_timesteps",
    ),
    Flag(
        "adaptive_timesteps",
        "later folds get the steps that earlier ones needed",
        kind=_SWITCH,
        shown=False,
    ),
    Flag(
        "adaptive_mode", "how: geometric (historical decay), convergence, off", f"{_ADAPTIVE}.mode"
    ),
    Flag(
        "min_timesteps",
        "the least any fold gets, env steps",
        f"{_ADAPTIVE}.min_timesteps",
        acts_with=ActsWith(f"{_ADAPTIVE}.mode", ("geometric", "convergence")),
        historical=True,
    ),
    Flag(
        "adaptive_margin",
        "steps beyond the best one, as a share of it, 0 to 1",
        f"{_ADAPTIVE}.margin_frac",
        acts_with=_CONVERGENCE,
    ),
    Flag(
        "adaptive_last_k",
        "how many of the latest folds are looked at",
        f"{_ADAPTIVE}.last_k",
        acts_with=_CONVERGENCE,
    ),
    Flag(
        "early_stopping_patience",
        "evaluations without improvement that end a fold; 0 is off",
        f"{_STOPPING}.patience_evaluations",
    ),
    Flag(
        "early_stopping_mode",
        "within_fold trains a minimum first; patience (historical) does not; off",
        f"{_STOPPING}.mode",
    ),
    Flag(
        "convergence_threshold",
        "an evaluation improves by more than this, in units of the score",
        f"{_STOPPING}.min_delta",
        acts_with=_STOPS,
        historical=True,
    ),
    Flag(
        "min_budget",
        "share of the budget that is always trained, 0 to 1",
        f"{_STOPPING}.min_budget_frac",
        acts_with=_WITHIN_FOLD,
    ),
)

WARM_START = (
    Flag(
        "warm_start",
        "folds start from an earlier model instead of fresh weights",
        kind=_SWITCH,
        shown=False,
    ),
    Flag(
        "warm_start_mode",
        "which: previous_best (historical), champions (best of the last k on "
        "this fold's validation bars), off",
        f"{_WARM}.mode",
    ),
    Flag("warm_start_last_k", "champions that compete", f"{_WARM}.last_k", acts_with=_CHAMPIONS),
    Flag(
        "warm_start_min_score",
        "a champion below this score is no start; none lets all",
        f"{_WARM}.min_score",
        acts_with=_CHAMPIONS,
    ),
    Flag(
        "shrink",
        "share of the weights that is kept at a warm start, (0, 1]; none keeps all",
        f"{_WARM}.shrink_frac",
        acts_with=_WARM_STARTS,
    ),
    Flag(
        "perturb",
        "noise added at a warm start, in initial standard deviations, (0, 1]; none",
        f"{_WARM}.perturb_frac",
        acts_with=_WARM_STARTS,
    ),
)

SCHEDULE = (
    Flag(
        "progressive_training",
        "the historical three phases: 2e-3, 1e-3, 5e-4, with epochs, "
        "entropy and clip range; --no- keeps everything constant",
        kind=_SWITCH,
        shown=False,
    ),
    Flag("schedule", "how the learning rate moves through a fold", f"{_SCHEDULE}.kind"),
    Flag(
        "learning_rate", "step size at the start of a fold, before a warm-up", "agent.learning_rate"
    ),
    Flag(
        "final_learning_rate",
        "step size at its end; makes a constant schedule linear",
        kind=_NUMBER,
        shown=False,
    ),
    Flag(
        "warmup",
        "share of the fold over which the rate rises, 0 to 1",
        f"{_SCHEDULE}.warmup_frac",
        acts_with=_RATE_SHAPES,
    ),
    Flag(
        "schedule_kl",
        "KL divergence an update that kl_adaptive aims at, nats",
        f"{_SCHEDULE}.target_kl",
        acts_with=_KL,
    ),
)

EVALUATION = (
    Flag(
        "eval_freq",
        "env steps between evaluations; adaptive goes below it while it improves",
        f"{_EVALUATION}.every_steps",
    ),
    Flag("evaluation_schedule", "fixed (historical) or adaptive", f"{_EVALUATION}.mode"),
    Flag(
        "min_evaluations",
        "a short fold is evaluated at least so often",
        f"{_EVALUATION}.min_evaluations",
        acts_with=_ADAPTS,
    ),
    Flag(
        "evaluation_cost",
        "share of the training's work that evaluating may cost, 0 to 1",
        f"{_EVALUATION}.cost_budget_frac",
        acts_with=_ADAPTS,
    ),
    Flag(
        "fast_evaluation",
        "score in batches; the scores are the same",
        "rules.fast_evaluation.enabled",
    ),
    Flag(
        "cache_environments",
        "keep bars and features in the cache; results are the same",
        "rules.cache.enabled",
    ),
)

AGENT = (
    Flag("n_envs", "environments side by side", "agent.n_envs"),
    Flag("n_steps", "bars each is stepped between two updates", "agent.n_steps"),
    Flag("batch_size", "env steps in a minibatch; divides n_steps * n_envs", "agent.batch_size"),
    Flag("n_epochs", "passes over each rollout", "agent.n_epochs", acts_with=_NOT_PHASES),
    Flag("lstm_hidden_size", "units of an LSTM layer", "agent.lstm_hidden_size"),
    Flag("n_lstm_layers", "stacked LSTM layers", "agent.n_lstm_layers"),
    Flag("critic_lstm", "the critic's memory: its own, the actor's, none", "agent.critic_lstm"),
    Flag("net_arch", "units of the layers after the LSTM, e.g. 128 64", "agent.net_arch"),
    Flag("activation", "non-linearity of those layers", "agent.activation"),
    Flag("gamma", "discount a bar, 0 to 1", "agent.gamma"),
    Flag("gae_lambda", "0 trusts the critic, 1 the returns", "agent.gae_lambda"),
    Flag("clip_range", "PPO's epsilon", "agent.clip_range", acts_with=_NOT_PHASES),
    Flag("ent_coef", "weight of the entropy bonus", "agent.ent_coef", acts_with=_NOT_PHASES),
    Flag("vf_coef", "weight of the value loss", "agent.vf_coef"),
    Flag(
        "target_kl", "an update ends at 1.5 times this KL divergence, nats; none", "agent.target_kl"
    ),
    Flag(
        "engine",
        "loops that train: sb3-contrib's, or ours on its minibatches or in chunks",
        "agent.engine",
        elsewhere=dict.fromkeys(("sequential", "loky", "ray"), "--execution, with --seeds"),
    ),
    Flag(
        "chunk_steps",
        "bars of a sequence, a divisor of n_steps and batch_size; none: the longest up to 64",
        "agent.chunk_steps",
        acts_with=ActsWith("agent.engine", ("chunked",)),
    ),
    Flag(
        "precision",
        "fp32; bf16, which needs AMX or a GPU; auto: whichever a probe finds faster",
        "agent.precision",
        acts_with=ActsWith("agent.engine", ("exact", "chunked")),
    ),
    Flag("n_threads", "threads; ours give the same bits with 1 and 2", "agent.n_threads"),
    Flag(
        "window_size",
        "historical; the observation is one bar and the LSTM carries the past, "
        "so only 1 is possible",
        kind=_WHOLE,
        shown=False,
    ),
)
