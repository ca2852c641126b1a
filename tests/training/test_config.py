import pytest

from envs.errors import ConfigError, UnknownNameError
from training.config import OutputConfig, RunConfig, original_config, to_json, with_values


def test_values_are_replaced_by_dotted_path_and_the_rest_stays():
    config = with_values(
        RunConfig(), {"agent.learning_rate": 2e-3, "env.market.leverage": 30.0, "seed": 7}
    )
    assert (config.agent.learning_rate, config.env.market.leverage, config.seed) == (2e-3, 30.0, 7)
    assert config.agent.n_epochs == RunConfig().agent.n_epochs
    assert with_values(config, {}) == config


def test_values_that_only_hold_together_are_checked_together():
    """Each alone would break the rule that a batch divides a rollout."""
    values = {"agent.n_envs": 3, "agent.n_steps": 10, "agent.batch_size": 30}
    assert with_values(RunConfig(), values).agent.rollout_steps == 30
    with pytest.raises(ConfigError, match="batch_size must divide"):
        with_values(RunConfig(), {"agent.n_envs": 3})


@pytest.mark.parametrize("path", ["agnt.learning_rate", "agent.learning_rat", "sed"])
def test_an_unknown_path_is_refused_with_the_nearest(path):
    with pytest.raises(UnknownNameError, match="did you mean"):
        with_values(RunConfig(), {path: 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "training method"),
        ({"score": "luck"}, "score"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_values_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        RunConfig(**change)


def test_the_fingerprint_follows_what_decides_results_and_nothing_else():
    base = RunConfig().fingerprint
    assert with_values(RunConfig(), {"profile": "x", "data_path": "y"}).fingerprint == base
    for path, value in {
        "seed": 1,
        "agent.gamma": 0.9,
        "folds.embargo_bars": 2,
        "env.market.slippage_points": 1.0,
        "rules.warm_start.last_k": 1,
        "data.timezone": "Europe/Berlin",
        "random_starts": False,
    }.items():
        assert with_values(RunConfig(), {path: value}).fingerprint != base, path


@pytest.mark.parametrize("engine", ["stock", "exact", "chunked"])
def test_numbers_of_threads_are_one_where_they_give_the_same_bits(engine):
    found = {
        count: with_values(
            RunConfig(), {"agent.engine": engine, "agent.n_threads": count}
        ).fingerprint
        for count in (1, 2, 3, 4)
    }
    ours = engine != "stock"
    assert (found[1] == found[2] == found[3]) == ours
    assert found[4] not in (found[1], found[2], found[3])
    assert found[1] != found[2] or ours


def test_a_configuration_is_plain_json():
    import json

    assert json.loads(json.dumps(to_json(RunConfig()), allow_nan=False)) == to_json(RunConfig())


def test_the_original_training_is_the_one_of_the_comparison():
    agent = original_config().agent
    assert (agent.lstm_hidden_size, agent.n_lstm_layers, agent.net_arch) == (256, 2, (128, 64))
    assert (agent.n_envs, agent.n_steps, agent.batch_size, agent.n_epochs) == (1, 512, 256, 12)
    assert original_config().rules.adaptive_timesteps.base_timesteps == 100_000
    assert original_config().rules.evaluation_schedule.every_steps == 10_000
    assert original_config().env.action_mode == "orders"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../../evil",
        "a/b",
        "a\\b",
        "/tmp/x",
        "C:",
        "C:x",
        ".hidden",
        "x.",
        "x ",
        "con",
        "NUL",
        "Aux.txt",
        "com1",
        "LPT9.log",
        "a\nb",
        "a\x00b",
        "a*b",
    ],
)
def test_a_run_name_that_leaves_the_results_folder_or_that_windows_keeps_is_refused(name):
    with pytest.raises(ConfigError, match="plain name of one folder"):
        OutputConfig(run_name=name)


@pytest.mark.parametrize(
    "name", [None, "gold", "42", "42-2", "ppo_lstm v1.2", "console", "com10", "Größe"]
)
def test_a_plain_run_name_is_taken(name):
    assert OutputConfig(run_name=name).run_name == name
