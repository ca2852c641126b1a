"""Flags to settings: every flag moves what it should, and none is parsed and ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.flags.benchmark_flags import BENCHMARK_MODE, HOW
from bot.flags.chain_flags import Chains
from bot.flags.help_text import line, training_words
from bot.flags.resolve import leaves, profile_config, resolve
from bot.flags.table import FLAGS, GROUPS, OUTPUT, TrainingSettings
from bot.profiles import PROFILES, SAMPLE_VALUES
from envs.errors import ConfigError, UnknownNameError
from training.agent.config import ORIGINAL_AGENT
from training.benchmark.config import BenchmarkConfig
from training.config import OutputConfig, RunConfig, original_config, with_values
from training.parallel.config import ParallelConfig

BASE = "rules.adaptive_timesteps.base_timesteps"
MINIMUM = "rules.adaptive_timesteps.min_timesteps"
FILE = "--data_path bars.csv"


def understood(line_: str, **door):
    return resolve(training_words("walkfast train").read(line_.split()), **door)


def value_at(config, path):
    return dict(leaves(config))[path]


# Words, path, value: one row for each flag, and each mode of those that have several.
MOVES = [
    ("--seed 7", "seed", 7),
    ("--device cpu", "device", "cpu"),
    ("--score sharpe", "score", "sharpe"),
    ("--initial_model m.zip", "initial_model", "m.zip"),
    ("--use_original_training", "method", "original"),
    ("--profile fast", "profile", "fast"),
    ("--optimization_profile fast", BASE, 50_000),
    ("--profile conservative", BASE, 75_000),
    ("--profile conservative", MINIMUM, 25_000),
    ("--profile aggressive", "rules.early_stopping.patience_evaluations", 2),
    ("--profile ultra-fast", "profile", "ultra_fast"),
    (FILE, "data_path", "bars.csv"),
    (f"{FILE} --symbol EURUSD", "data.symbol", "EURUSD"),
    (f"{FILE} --timezone Europe/Athens", "data.timezone", "Europe/Athens"),
    (f"{FILE} --timezone=-05:00", "data.timezone", "-05:00"),
    (f"{FILE} --day_first", "data.day_first", True),
    (f"{FILE} --no-day-first", "data.day_first", False),
    (f"{FILE} --timeframe 15m", "data.timeframe", "15m"),
    (f"{FILE} --point_value 0.01", "data.point_value", 0.01),
    (f"{FILE} --repair", "data.repair", True),
    ("--initial_window 3000", "folds.initial_window_bars", 3000),
    ("--validation_size 0.3", "folds.validation_frac", 0.3),
    ("--train_split 0.7", "folds.validation_frac", 0.3),
    ("--step_size 250", "folds.step_bars", 250),
    ("--test_window 250", "folds.step_bars", 250),
    ("--anchored", "folds.mode", "anchored"),
    ("--no-anchored", "folds.mode", "rolling"),
    ("--embargo 5", "folds.embargo_bars", 5),
    ("--max_folds 2", "folds.max_folds", 2),
    ("--total_timesteps 30000", BASE, 30_000),
    ("--total_timesteps 2e5", BASE, 200_000),
    ("--min_timesteps 9_000", MINIMUM, 9_000),
    ("--no-adaptive_timesteps", "rules.adaptive_timesteps.mode", "off"),
    ("--adaptive_timesteps", "rules.adaptive_timesteps.mode", "convergence"),
    (
        "--adaptive_timesteps --adaptive_mode geometric",
        "rules.adaptive_timesteps.mode",
        "geometric",
    ),
    ("--adaptive_margin 0.2", "rules.adaptive_timesteps.margin_frac", 0.2),
    ("--adaptive_last_k 2", "rules.adaptive_timesteps.last_k", 2),
    ("--early_stopping_patience 9", "rules.early_stopping.patience_evaluations", 9),
    ("--early_stopping_patience 0", "rules.early_stopping.mode", "off"),
    (
        "--use_original_training --early_stopping_patience 3",
        "rules.early_stopping.mode",
        "within_fold",
    ),
    ("--early_stopping_mode patience", "rules.early_stopping.mode", "patience"),
    ("--convergence_threshold 0.01", "rules.early_stopping.min_delta", 0.01),
    ("--min_budget 0.5", "rules.early_stopping.min_budget_frac", 0.5),
    ("--no-warm_start", "rules.warm_start.mode", "off"),
    ("--warm_start", "rules.warm_start.mode", "champions"),
    ("--use_original_training --warm_start", "rules.warm_start.mode", "champions"),
    ("--warm_start_mode previous-best", "rules.warm_start.mode", "previous_best"),
    ("--warm_start_last_k 7", "rules.warm_start.last_k", 7),
    ("--warm_start_min_score 0", "rules.warm_start.min_score", 0.0),
    ("--shrink 0.8", "rules.warm_start.shrink_frac", 0.8),
    ("--perturb 0.1", "rules.warm_start.perturb_frac", 0.1),
    ("--progressive_training", "rules.schedule.kind", "phases"),
    ("--no-progressive_training", "rules.schedule.kind", "constant"),
    ("--schedule cosine", "rules.schedule.kind", "cosine"),
    ("--learning_rate 5e-4", "agent.learning_rate", 5e-4),
    ("--learning_rate 1e-3 --final_learning_rate 1e-4", "rules.schedule.final_frac", 0.1),
    ("--profile legacy --final_learning_rate 1e-4", "rules.schedule.kind", "linear"),
    ("--warmup 0.1", "rules.schedule.warmup_frac", 0.1),
    ("--schedule kl-adaptive --schedule_kl 0.02", "rules.schedule.target_kl", 0.02),
    ("--eval_freq 2000", "rules.evaluation_schedule.every_steps", 2000),
    ("--evaluation_schedule fixed", "rules.evaluation_schedule.mode", "fixed"),
    ("--min_evaluations 4", "rules.evaluation_schedule.min_evaluations", 4),
    ("--evaluation_cost 0.3", "rules.evaluation_schedule.cost_budget_frac", 0.3),
    ("--no-fast_evaluation", "rules.fast_evaluation.enabled", False),
    ("--no-cache_environments", "rules.cache.enabled", False),
    ("--cache_environments", "rules.cache.enabled", True),
    ("--n_envs 8", "agent.n_envs", 8),
    ("--n_steps 64", "agent.n_steps", 64),
    ("--batch_size 256", "agent.batch_size", 256),
    ("--n_epochs 3", "agent.n_epochs", 3),
    ("--lstm_hidden_size 32", "agent.lstm_hidden_size", 32),
    ("--n_lstm_layers 2", "agent.n_lstm_layers", 2),
    ("--critic_lstm shared", "agent.critic_lstm", "shared"),
    ("--net_arch 128 64", "agent.net_arch", (128, 64)),
    ("--net_arch 128,64", "agent.net_arch", (128, 64)),
    ("--net_arch", "agent.net_arch", ()),
    ("--activation mish", "agent.activation", "mish"),
    ("--gamma 0.9", "agent.gamma", 0.9),
    ("--gae_lambda 0.8", "agent.gae_lambda", 0.8),
    ("--clip_range 0.3", "agent.clip_range", 0.3),
    ("--ent_coef 0.2", "agent.ent_coef", 0.2),
    ("--vf_coef 0.7", "agent.vf_coef", 0.7),
    ("--target_kl 0.05", "agent.target_kl", 0.05),
    ("--profile legacy --target_kl none", "agent.target_kl", None),
    ("--engine exact", "agent.engine", "exact"),
    ("--engine chunked --chunk_steps 32", "agent.chunk_steps", 32),
    ("--n_threads 1", "agent.n_threads", 1),
    ("--precision bf16", "agent.precision", "bf16"),
    ("--action_mode orders", "env.action_mode", "orders"),
    ("--reward pnl", "env.reward", "pnl"),
    ("--reward sortino --reward_window 50", "env.reward_window_bars", 50.0),
    ("--initial_balance 5000", "env.market.initial_balance_usd", 5000.0),
    ("--balance_per_lot 1000", "env.market.balance_per_lot_usd", 1000.0),
    ("--min_lots 0.1", "env.market.min_lots", 0.1),
    ("--max_lots 5", "env.market.max_lots", 5.0),
    ("--contract_size 10", "env.market.contract_size", 10.0),
    ("--currency_conversion 1.1", "env.market.currency_conversion", 1.1),
    ("--spread_points 20", "env.market.spread_points", 20.0),
    ("--spread_multiplier 2", "env.market.spread_multiplier", 2.0),
    ("--slippage 3", "env.market.slippage_points", 3.0),
    ("--commission 3.5", "env.market.commission_per_lot_usd", 3.5),
    ("--swap_long -2.5", "env.market.swap_long_points", -2.5),
    ("--swap_short 1", "env.market.swap_short_points", 1.0),
    ("--leverage 30", "env.market.leverage", 30.0),
    ("--stop_out 0.2", "env.market.stop_out_frac", 0.2),
    ("--max_drawdown none", "env.market.max_drawdown_frac", None),
    ("--episode_bars 300", "env.episode_bars", 300),
    ("--no-random_start", "random_starts", False),
    ("--use_original_training --random_start", "random_starts", True),
    ("--features rsi_14 atr_14", "features.names", ("rsi_14", "atr_14")),
    ("--feature_function my:f", "features.user_functions", ("my:f",)),
    ("--no-extra_columns", "features.extra_columns", False),
    ("--scaling fitted", "features.scaling", "fitted"),
    ("--scaling_window 300", "features.scaling_window_bars", 300),
]

OUTPUT_MOVES = [
    ("--results_dir elsewhere", "results_dir", Path("elsewhere")),
    ("--run_name gold", "run_name", "gold"),
    ("--model_name gold", "run_name", "gold"),
    ("--fresh", "fresh", True),
    ("--no-tensorboard", "tensorboard", False),
    ("--calibrate", "calibrate", True),
    ("", "calibrate", False),
]

SCREEN_MOVES = [
    ("--verbose 0", "verbose", 0),
    ("--verbose 2", "verbose", 2),
    ("--verbose", "verbose", 2),
    ("--quiet", "quiet", True),
    ("--json", "json", True),
    ("--no-report", "report", False),
]


@pytest.mark.parametrize(("words", "path", "value"), MOVES)
def test_a_flag_moves_its_setting(words, path, value):
    request = understood(words)
    assert value_at(request.config, path) == pytest.approx(value)


@pytest.mark.parametrize(("words", "path", "value"), [m for m in MOVES if "rofile" not in m[0]])
def test_what_a_flag_set_is_recorded_as_set_by_a_flag(words, path, value):
    if "original" in words:
        return
    request = understood(words)
    assert request.provenance[path] == "flag"


@pytest.mark.parametrize(("words", "name", "value"), OUTPUT_MOVES)
def test_a_flag_moves_where_results_go(words, name, value):
    assert getattr(understood(words).output, name) == value


@pytest.mark.parametrize(("words", "name", "value"), SCREEN_MOVES)
def test_a_flag_moves_what_is_shown(words, name, value):
    assert getattr(understood(words).screen, name) == value


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ("", None),
        ("--no-benchmark_mode", None),
        ("--benchmark_mode", BenchmarkConfig()),
        ("--benchmark_mode --benchmark_minutes 5", BenchmarkConfig(minutes=5)),
        ("--benchmark_mode --minutes 0.5", BenchmarkConfig(minutes=0.5)),
        ("--benchmark_mode --seeds 3", BenchmarkConfig(n_seeds=3)),
        ("--benchmark-mode --benchmark-seeds 3", BenchmarkConfig(n_seeds=3)),
        ("--benchmark_mode --ablation", BenchmarkConfig(ablation=True)),
        ("--benchmark_mode --benchmark_ablation", BenchmarkConfig(ablation=True)),
    ],
)
def test_a_benchmark_is_asked_for(words, wish):
    assert understood(words).benchmark == wish


@pytest.mark.parametrize(
    ("words", "chains"),
    [
        ("", None),
        ("--seeds 1,2", Chains(seeds=(1, 2), parallel=ParallelConfig())),
        (
            "--seeds 3 1 2 --workers 2 --execution loky",
            Chains(seeds=(3, 1, 2), parallel=ParallelConfig(n_workers=2)),
        ),
        (
            "--seeds 1,2 --execution sequential",
            Chains(seeds=(1, 2), parallel=ParallelConfig(engine="sequential")),
        ),
        ("--benchmark_mode --seeds 3", None),
    ],
)
def test_several_seeds_are_asked_for(words, chains):
    assert understood(words).chains == chains


BENCHMARK = {name for flag in (BENCHMARK_MODE, *HOW) for name in (flag.name, *flag.aliases)}


def test_every_flag_is_in_one_of_the_tables():
    typed = " ".join(words for words, *_ in (*MOVES, *OUTPUT_MOVES, *SCREEN_MOVES))
    spelled = typed.replace("--no-", "--").replace("-", "_")
    missing = {
        name
        for flag in FLAGS.values()
        for name in (flag.name, *flag.aliases)
        if f"__{name}" not in spelled
    }
    elsewhere = {"resume", "parallel_candidates", "window_size", "workers", "execution"}
    assert missing == BENCHMARK | elsewhere


def test_every_path_of_a_flag_is_a_setting():
    settings = {path for path, _ in leaves(RunConfig())}
    outputs = {f"{OUTPUT}{path}" for path, _ in leaves(OutputConfig())}
    paths = {flag.path for flag in FLAGS.values() if flag.path is not None}
    assert paths <= settings | outputs
    conditions = {flag.acts_with.path for flag in FLAGS.values() if flag.acts_with}
    assert conditions <= settings


def test_no_two_flags_share_a_name():
    names = [n for group in GROUPS.values() for flag in group for n in (flag.name, *flag.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "spelling", ["--initial-balance 1", "--initial_balance 1", "--initial_balance=1"]
)
def test_dashes_and_underscores_are_alike(spelling):
    assert understood(spelling).config.env.market.initial_balance_usd == 1.0


def test_a_flag_beats_a_profile_beats_the_sample_beats_a_default():
    request = understood("--profile aggressive --min_timesteps 5000")
    assert value_at(request.config, MINIMUM) == 5_000
    assert value_at(request.config, BASE) == 30_000
    assert request.config.folds.step_bars == SAMPLE_VALUES["folds.step_bars"]
    assert request.config.seed == 42
    found = [request.provenance[p] for p in (MINIMUM, BASE, "folds.step_bars", "seed")]
    assert found == ["flag", "profile:aggressive", "sample", "default"]


@pytest.mark.parametrize(
    ("words", "door", "path", "source"),
    [
        ("--profile fast", {}, "profile", "flag"),
        ("", {}, "profile", "default"),
        ("--use_original_training", {}, "method", "flag"),
        ("--use_original_training", {}, "agent.n_envs", "profile:legacy"),
        ("", {"original": True}, "method", "script"),
        ("--profile legacy", {"original": True}, "profile", "flag"),
        ("--no-use_original_training", {"original": True}, "method", "flag"),
        (f"{FILE} --total_timesteps 4096", {}, MINIMUM, "derived"),
        (f"{FILE} --total_timesteps 4096", {}, BASE, "flag"),
    ],
)
def test_provenance_says_who_it_was(words, door, path, source):
    assert understood(words, **door).provenance[path] == source


def test_provenance_names_every_setting():
    request = understood(FILE)
    assert set(request.provenance) == {path for path, _ in leaves(request.config)}
    assert request.provenance["data.point_value"] == "data"
    assert request.provenance["data_path"] == "flag"


def test_with_a_file_the_historical_defaults_hold():
    config = understood(FILE).config
    folds, market = config.folds, config.env.market
    assert (folds.initial_window_bars, folds.validation_frac, folds.step_bars) == (2500, 0.2, 500)
    assert (config.seed, market.initial_balance_usd, market.balance_per_lot_usd) == (42, 1e4, 500.0)


def test_the_original_script_is_the_original_training():
    config = understood(FILE, original=True).config
    expected = with_values(original_config(), {"data_path": "bars.csv"})
    assert config == expected
    assert config.agent == ORIGINAL_AGENT


def test_the_legacy_profile_is_the_original_agent_under_our_rules():
    config = understood(f"{FILE} --profile legacy").config
    assert config.agent == ORIGINAL_AGENT
    assert config.method == "optimized"
    assert config.rules.warm_start.enabled


def test_scripts_write_where_they_are_told_unless_a_flag_says_otherwise():
    assert understood("", results_dir=Path("/r")).output.results_dir == Path("/r")
    named = understood("--results_dir here", results_dir=Path("/r"))
    assert named.output.results_dir == Path("here")


def test_a_smaller_budget_pulls_the_minimum_down_and_says_so():
    request = understood(f"{FILE} --total_timesteps 8192")
    assert value_at(request.config, MINIMUM) == 8_192
    assert request.notes == ("min_timesteps follows --total_timesteps down from 20,000 to 8,192.",)


def test_a_minibatch_follows_a_rollout_that_it_does_not_divide_and_says_so():
    request = understood(f"{FILE} --n_envs 8")
    assert request.config.agent.batch_size == 128  # a quarter of 8 x 64
    assert request.provenance["agent.batch_size"] == "derived"
    follows = "batch_size follows --n_envs from 2,048 to 128: 4 minibatches a pass, as before."
    assert request.notes == (follows,)


@pytest.mark.parametrize("words", ["--n_envs 256", "--n_envs 8 --batch_size 256"])
def test_a_minibatch_that_fits_or_was_typed_stays(words):
    request = understood(f"{FILE} {words}")
    assert request.config.agent.batch_size == (256 if "--batch_size" in words else 2_048)
    assert request.provenance["agent.batch_size"] != "derived"


def test_a_rollout_that_no_minibatch_can_follow_is_refused():
    with pytest.raises(ConfigError, match="batch_size must divide"):
        understood(f"{FILE} --n_envs 3 --n_steps 10")


def test_a_budget_that_is_no_whole_number_of_rollouts_says_what_it_comes_to():
    rounded = "--total_timesteps 500 is rounded up to whole rollouts of 8,192 env steps: 8,192."
    assert understood(f"{FILE} --total_timesteps 500").notes[1:] == (rounded,)
    assert understood(f"{FILE} --total_timesteps 500 --no-adaptive_timesteps").notes == (rounded,)


def test_the_original_training_has_no_minimum_to_speak_of():
    notes = understood(f"{FILE} --use_original_training --total_timesteps 4096").notes
    assert not any("min_timesteps" in note for note in notes)


def test_a_profile_only_claims_what_no_flag_decides():
    (note, *_) = understood(f"{FILE} --profile aggressive --total_timesteps 4096").notes
    assert note == (
        "Profile aggressive: it sets patience_evaluations 2 (default 5); flags decide "
        "base_timesteps, min_timesteps."
    )
    (note, *_) = understood("--total_timesteps 20480 --step_size 2000").notes
    assert "base_timesteps" not in note
    assert "step_bars" not in note
    assert "For it initial_window_bars 10,000, unless" in note


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (
            "--use_original_training --min_timesteps 9_000_000",
            "--min_timesteps does not act here: rules.adaptive_timesteps.mode is off.",
        ),
        (
            "--no-adaptive_timesteps --min_timesteps 5",
            "--min_timesteps does not act here: rules.adaptive_timesteps.mode is off.",
        ),
        (
            "--early_stopping_patience 0 --convergence_threshold 0.1",
            "--convergence_threshold does not act here: rules.early_stopping.mode is off.",
        ),
    ],
)
def test_a_historical_flag_whose_rule_is_off_is_set_aside_with_a_note(words, note):
    request = understood(f"{FILE} {words}")
    assert note in request.notes
    assert request.provenance[MINIMUM] == "default"
    assert request.provenance["rules.early_stopping.min_delta"] != "flag"


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "..", "NUL"])
def test_a_run_name_stays_in_the_results_folder(name):
    with pytest.raises(ConfigError, match="plain name of one folder"):
        understood(f"--run_name {name}")


@pytest.mark.parametrize(
    ("words", "rates"),
    [
        ("--progressive_training", [2e-3, 1e-3, 5e-4]),
        ("--progressive_training --learning_rate 4e-3", [4e-3, 2e-3, 1e-3]),
        ("--progressive_training --final_learning_rate 5e-4", [2e-3, 1e-3, 5e-4]),
        ("--schedule phases --learning_rate 1e-2 --final_learning_rate 1e-4", [1e-2, 1e-3, 1e-4]),
    ],
)
def test_phases_follow_the_learning_rates_that_are_typed(words, rates):
    phases = understood(words).config.rules.schedule.phases
    assert [phase.learning_rate for phase in phases] == pytest.approx(rates)


REFUSED = [
    ("--calibrate --use_original_training", "--calibrate compares a training with the original"),
    ("--calibrate --benchmark_mode", "--calibrate only acts in a training"),
    ("--early_stopping_patience 0 --early_stopping_mode patience", "must not contradict"),
    ("--early_stopping_patience 3 --early_stopping_mode off", "must not contradict"),
    ("--early_stopping_patience -1", "--early_stopping_patience must be at least 1"),
    ("--no-adaptive_timesteps --adaptive_mode geometric", "must not contradict"),
    ("--warm_start --warm_start_mode off", "must not contradict"),
    ("--no-warm_start --warm_start_last_k 2", "--warm_start_last_k only acts"),
    ("--progressive_training --schedule linear", "must not contradict"),
    ("--progressive_training --n_epochs 3", "--n_epochs only acts"),
    ("--engine stock --chunk_steps 32", "--chunk_steps only acts"),
    ("--engine stock --precision auto", "--precision only acts"),
    ("--progressive_training --ent_coef 0.1", "--ent_coef only acts"),
    ("--schedule constant --final_learning_rate 1e-4", "needs a schedule that ends"),
    ("--schedule kl_adaptive --final_learning_rate 1e-4", "needs a schedule that ends"),
    ("--learning_rate 1e-4 --final_learning_rate 1e-3", "must lie between 0 and"),
    ("--final_learning_rate 0", "must be more than 0"),
    ("--final_learning_rate nan", "must be more than 0"),
    ("--step_size 500 --test_window 400", "must not contradict"),
    ("--validation_size 0.2 --train_split 0.7", "must not contradict"),
    ("--timezone UTC", "--timezone only acts with --data_path"),
    ("--point_value 0.1", "--point_value only acts with --data_path"),
    ("--use_original_training --profile fast", "no profile but legacy"),
    ("--reward_window 9", "--reward_window only acts"),
    ("--scaling none --scaling_window 9", "--scaling_window only acts"),
    ("--no-random_start --episode_bars 9", "--episode_bars only acts"),
    ("--benchmark_minutes 5", "only acts in a benchmark"),
    ("--seeds 3", "two seeds or more"),
    ("--benchmark_seeds 3", "only acts in a benchmark"),
    ("--no-ablation", "only acts in a benchmark"),
    ("--benchmark_mode --benchmark_minutes 0", "needs some time"),
    ("--benchmark_mode --benchmark_minutes nan", "needs some time"),
    ("--benchmark_mode --seeds 0", "--seeds"),
    ("--parallel_candidates 4", "not available yet"),
    ("--parallel_candidates 0", "not available yet"),
    ("--window_size 50", "An observation is one bar"),
    ("--resume --fresh", "goes on or begins anew"),
    ("--quiet --json", "--quiet stands alone"),
    ("--quiet --verbose 2", "--quiet stands alone"),
    ("--total_timesteps 100 --min_timesteps 200", "must not exceed"),
    ("--validation_size 1.5", "--validation_size must be"),
    ("--step_size 0", "--step_size must be"),
    ("--max_drawdown 0", "must lie in (0, 1]"),
    ("--seed -1", "seed must be 0 or more"),
    ("--batch_size 100", "batch_size must divide"),
    ("--batch_size 1000", "a divisor of the rollout such as 512, or"),
    ("--total_timesteps 0", "--total_timesteps must be at least 1"),
    ("--max_folds 0", "leave it out for the default"),
    ("--n_envs=-3", "leave it out for the profile's own"),
    ("--resume --fresh", "drop --fresh to go on"),
    ("--learning_rate 0", "learning_rate must lie between"),
    ("--leverage 0", "must be positive"),
    ("--slippage -1", "must not be negative"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED)
def test_what_would_be_ignored_or_contradicts_or_is_out_of_range_is_refused(words, says):
    with pytest.raises(ConfigError) as refused:
        understood(words)
    assert says in str(refused.value)


def test_harmless_values_of_what_is_not_there_yet_are_taken():
    understood("--parallel_candidates 1 --window_size 1 --no-benchmark_mode")


def test_an_error_names_the_flag_and_not_only_the_setting():
    with pytest.raises(ConfigError) as refused:
        understood("--seed 3 --validation_size 1.5 --n_envs 8")
    assert refused.value.where == "--validation_size"


def test_an_unknown_profile_gets_the_nearest_one():
    with pytest.raises(UnknownNameError, match="did you mean 'balanced'"):
        understood("--profile balancd")


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_is_sound_and_says_what_it_sets(name):
    config = profile_config(PROFILES[name])
    assert config.profile == name
    note = understood(f"{FILE} --profile {name}").notes
    assert bool(note) == bool(PROFILES[name].values)
    assert all(f"Profile {name}: " in sentence for sentence in note)


def test_the_help_shows_the_defaults_that_hold():
    page = training_words("walkfast train").format_help()
    assert all(f"--{name}" in page or f"]{name}" in page for name in FLAGS)
    assert all(f"  {name} " in page for name in PROFILES)
    assert line(FLAGS["seed"]).endswith("[42]")
    assert line(FLAGS["n_envs"]).endswith("[128; legacy 1, quality 256]")
    assert line(FLAGS["balance_per_lot"]).endswith("[500]")


def test_the_help_fits_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    page = training_words("walkfast train").format_help()
    assert max(map(len, page.splitlines())) <= 80


def test_the_settings_root_only_adds_the_output():
    added = set(TrainingSettings.__dataclass_fields__) - set(RunConfig.__dataclass_fields__)
    assert added == {"output"}
