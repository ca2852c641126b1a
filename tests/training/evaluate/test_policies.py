"""The fast evaluation and its slow twin: the same actions, ledger and equity, to the last bit."""

import dataclasses
from dataclasses import fields

import numpy as np
import pytest
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from envs.config import EnvConfig
from envs.errors import ConfigError, UnknownNameError
from envs.market import Ledger, MarketConfig
from tests.training.small_market import SMALL_AGENT, small_agent, small_tape
from training.agent import single
from training.agent.network import Network, build_policy
from training.errors import TrainingError
from training.evaluate import Evaluation, evaluate, evaluate_step_by_step, evaluate_windows
from training.evaluate import policies as policies_module
from training.folds import Range

TAPE = small_tape(400, move=0.02)
WINDOWS = [Range(0, 40), Range(30, 90), Range(31, 32), Range(359, 399)]
RISKY = EnvConfig(market=MarketConfig(max_drawdown_frac=0.1, balance_per_lot_usd=0.1))


def lively_policy(
    seed: int = 0, *, gain: float = 3.0, **sizes: object
) -> RecurrentActorCriticPolicy:
    """A policy with weights large enough to change its mind often."""
    network = Network(
        **{
            "n_inputs": 7,
            "n_actions": 3,
            "lstm_hidden_size": 8,
            "n_lstm_layers": 1,
            "critic_lstm": "separate",
            "actor_layers": (6,),
            "critic_layers": (6,),
            "activation": "tanh",
        }
        | sizes
    )
    policy = build_policy(network)
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in policy.parameters():
            tensor.copy_(gain * 0.3 * torch.randn(tensor.shape, generator=source))
    return policy


def assert_same(fast: Evaluation, slow: Evaluation) -> None:
    np.testing.assert_array_equal(fast.actions, slow.actions)
    np.testing.assert_array_equal(fast.equity, slow.equity)
    np.testing.assert_array_equal(fast.time_us, slow.time_us)
    assert (fast.score, fast.terminated) == (slow.score, slow.terminated)
    assert fast.n_refused == slow.n_refused
    for column in fields(Ledger):
        np.testing.assert_array_equal(
            getattr(fast.ledger, column.name), getattr(slow.ledger, column.name), column.name
        )


@pytest.fixture(params=["alone", "looking ahead", "side by side"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every fast way in turn: bar after bar, a few bars at once, all rows in one batch."""
    monkeypatch.setattr(policies_module, "MAX_ALONE", 0 if request.param == "side by side" else 99)
    if request.param == "looking ahead":
        monkeypatch.setattr(single, "CACHED_BYTES", 0)
    return str(request.param)


@pytest.mark.parity
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("critic_lstm", "n_lstm_layers", "config"),
    [
        ("separate", 1, EnvConfig()),
        ("separate", 2, RISKY),
        ("shared", 1, RISKY),
        ("shared", 2, EnvConfig()),
        ("none", 2, RISKY),
    ],
    ids=["separate-1-calm", "separate-2-risky", "shared-1-risky", "shared-2-calm", "none-2-risky"],
)
def test_many_windows_and_candidates_match_the_twin(
    critic_lstm: str, n_lstm_layers: int, config: EnvConfig
) -> None:
    sizes = {"critic_lstm": critic_lstm, "n_lstm_layers": n_lstm_layers}
    policies = [lively_policy(seed, **sizes) for seed in range(2)]
    table = evaluate_windows(policies, TAPE, config, WINDOWS)
    ended = 0
    for policy, row in zip(policies, table, strict=True):
        for window, fast in zip(WINDOWS, row, strict=True):
            assert_same(fast, evaluate_step_by_step(policy, TAPE, config, window))
            ended += fast.terminated
    assert len({tuple(row[1].actions) for row in table}) == 2
    assert (ended > 0) is (config is RISKY)


@pytest.mark.parity
@pytest.mark.parametrize("windows", [[Range(5, 90)], [Range(5, 90), Range(100, 120)]])
def test_one_or_two_windows_match_the_twin(windows: list[Range]) -> None:
    policy = lively_policy(1)
    for window, fast in zip(
        windows, evaluate_windows([policy], TAPE, RISKY, windows)[0], strict=True
    ):
        assert_same(fast, evaluate_step_by_step(policy, TAPE, RISKY, window))


@pytest.mark.parity
@pytest.mark.usefixtures("way")
def test_candidates_of_different_networks_come_back_in_order() -> None:
    policies = [
        lively_policy(0),
        lively_policy(1, lstm_hidden_size=5),
        lively_policy(2),
        lively_policy(3, actor_layers=(), activation="mish"),
    ]
    table = evaluate_windows(policies, TAPE, EnvConfig(), WINDOWS[:1])
    for policy, row in zip(policies, table, strict=True):
        assert_same(row[0], evaluate_step_by_step(policy, TAPE, EnvConfig(), WINDOWS[0]))


@pytest.mark.parity
@pytest.mark.usefixtures("way")
def test_orders_match_the_twin() -> None:
    config, policy = EnvConfig(action_mode="orders"), lively_policy(n_actions=4)
    for window, fast in zip(
        WINDOWS, evaluate_windows([policy], TAPE, config, WINDOWS)[0], strict=True
    ):
        assert_same(fast, evaluate_step_by_step(policy, TAPE, config, window))


@pytest.mark.parity
@pytest.mark.usefixtures("way")
def test_refused_orders_are_counted_alike() -> None:
    policy = small_agent(dataclasses.replace(SMALL_AGENT, learning_rate=0.02), n_updates=5).policy
    poor = EnvConfig(market=MarketConfig(balance_per_lot_usd=0.1, leverage=1.0))
    fast = evaluate(policy, TAPE, poor, WINDOWS[0])
    assert fast.n_refused == (fast.actions != 1).sum() > 0
    assert_same(fast, evaluate(policy, TAPE, poor, WINDOWS[0], fast=False))


@pytest.mark.parity
@pytest.mark.usefixtures("way")
def test_a_trained_agent_matches_the_twin() -> None:
    agent = small_agent(dataclasses.replace(SMALL_AGENT, learning_rate=0.02), n_updates=5)
    for window in WINDOWS:
        fast = evaluate(agent.policy, TAPE, EnvConfig(), window)
        assert_same(fast, evaluate(agent.policy, TAPE, EnvConfig(), window, fast=False))


@pytest.mark.usefixtures("way")
def test_exact_ties_are_decided_by_the_policy_itself() -> None:
    policy = lively_policy()
    with torch.no_grad():
        policy.action_net.weight[2] = policy.action_net.weight[0]
        policy.action_net.bias[2] = policy.action_net.bias[0]
    fast = evaluate(policy, TAPE, EnvConfig(), WINDOWS[0])
    assert fast.stepped
    assert_same(fast, evaluate(policy, TAPE, EnvConfig(), WINDOWS[0], fast=False))


def test_a_network_that_amplifies_rounding_is_asked_bar_by_bar() -> None:
    policy = lively_policy(gain=40.0, n_lstm_layers=2, lstm_hidden_size=64)
    fast = evaluate(policy, TAPE, EnvConfig(), Range(0, 100))
    assert fast.stepped
    assert_same(fast, evaluate(policy, TAPE, EnvConfig(), Range(0, 100), fast=False))


@pytest.mark.usefixtures("way")
def test_networks_that_amplify_rounding_match_the_twin() -> None:
    # Weights so large that the fast ways alone would part from the twin (see the next test).
    policies = [lively_policy(s, gain=12.0, lstm_hidden_size=32, n_lstm_layers=2) for s in range(2)]
    window = Range(0, 250)
    for policy, row in zip(
        policies, evaluate_windows(policies, TAPE, EnvConfig(), [window]), strict=True
    ):
        assert_same(row[0], evaluate_step_by_step(policy, TAPE, EnvConfig(), window))


def test_without_the_guard_such_a_network_parts_from_the_twin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policies_module, "_settled", lambda row, *_: row[0])
    policies = [lively_policy(s, gain=12.0, lstm_hidden_size=32, n_lstm_layers=2) for s in range(2)]
    window = Range(0, 250)
    table = evaluate_windows(policies, TAPE, EnvConfig(), [window])
    twins = [evaluate_step_by_step(policy, TAPE, EnvConfig(), window) for policy in policies]
    parted = [
        not np.array_equal(row[0].actions, twin.actions)
        for row, twin in zip(table, twins, strict=True)
    ]
    assert any(parted)


def test_doubtful_bars_are_put_to_the_policy_and_a_wrong_walk_is_walked_again() -> None:
    policy, window = lively_policy(), Range(0, 60)
    right = evaluate(policy, TAPE, EnvConfig(), window)
    doubts = np.full(60, 9.0)
    doubts[[7, 30]] = 0.5
    settled = policies_module._settled((right, doubts), policy, TAPE, EnvConfig())
    assert settled.stepped
    assert settled.ledger is right.ledger  # it stands
    actions = right.actions.copy()
    actions[30] = (actions[30] + 1) % 3
    wrong = dataclasses.replace(right, actions=actions)
    settled = policies_module._settled((wrong, doubts), policy, TAPE, EnvConfig())
    assert_same(settled, evaluate_step_by_step(policy, TAPE, EnvConfig(), window))
    trusted = policies_module._settled((wrong, doubts + 1.0), policy, TAPE, EnvConfig())
    assert trusted is wrong  # nobody doubted


def test_doubts_after_a_walks_end_are_no_doubts() -> None:
    policy, window = lively_policy(), Range(0, 60)
    right = evaluate(policy, TAPE, EnvConfig(), window)
    doubts = np.append(np.full(60, 9.0), [0.1, np.nan])
    assert policies_module._settled((right, doubts), policy, TAPE, EnvConfig()) is right


@pytest.mark.usefixtures("way")
def test_features_that_are_not_numbers_are_an_error() -> None:
    features = TAPE.features.copy()
    features[20] = np.nan
    broken = dataclasses.replace(TAPE, features=features)
    with pytest.raises(TrainingError, match="logits"):
        evaluate(lively_policy(), broken, EnvConfig(), WINDOWS[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_policy_on_a_gpu_is_evaluated_on_the_cpu() -> None:
    policy = lively_policy()
    wanted = evaluate_step_by_step(policy, TAPE, EnvConfig(), WINDOWS[1])
    policy.to("cuda")
    for fast in (True, False):
        assert_same(evaluate(policy, TAPE, EnvConfig(), WINDOWS[1], fast=fast), wanted)
    assert policy.device.type == "cuda"
    assert policy.optimizer is not None


def test_an_ordinary_policy_is_not_asked_bar_by_bar() -> None:
    table = evaluate_windows([lively_policy(s) for s in range(3)], TAPE, EnvConfig(), WINDOWS)
    assert not any(evaluation.stepped for row in table for evaluation in row)


@pytest.mark.parametrize("fast", [True, False])
def test_evaluation_never_moves_random_state_or_mode(fast: bool) -> None:
    agent = small_agent()
    agent.policy.set_training_mode(True)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002  # the state under test
    evaluate(agent.policy, TAPE, EnvConfig(), WINDOWS[0], fast=fast)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002  # the same
    assert agent.policy.training


def trained(*, evaluations: bool) -> dict[str, torch.Tensor]:
    agent = small_agent(n_updates=1)
    if evaluations:
        evaluate(agent.policy, TAPE, EnvConfig(), WINDOWS[0])
        evaluate(agent.policy, TAPE, EnvConfig(), WINDOWS[0], fast=False)
    return dict(agent.learn(SMALL_AGENT.rollout_steps).policy.state_dict())


def test_training_is_the_same_with_and_without_evaluations() -> None:
    plain, watched = trained(evaluations=False), trained(evaluations=True)
    for name, tensor in plain.items():
        assert torch.equal(watched[name], tensor), name


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_an_error(fast: bool, value: float) -> None:
    policy = lively_policy()
    with torch.no_grad():
        policy.lstm_actor.weight_hh_l0[0, 0] = value
    with pytest.raises(TrainingError, match="finite"):
        evaluate(policy, TAPE, EnvConfig(), WINDOWS[0], fast=fast)


@pytest.mark.usefixtures("way")
def test_logits_that_overflow_are_an_error() -> None:
    policy = lively_policy()
    with torch.no_grad():
        policy.action_net.weight.fill_(3e38)
    with pytest.raises(TrainingError, match="logits"):
        evaluate(policy, TAPE, EnvConfig(), WINDOWS[0])


@pytest.mark.parametrize("fast", [True, False])
def test_wrong_windows_and_scores_are_refused(fast: bool) -> None:
    policy = lively_policy()
    for window in (Range(10, 10), Range(390, 400)):
        with pytest.raises(ConfigError, match="slice"):
            evaluate(policy, TAPE, EnvConfig(), window, fast=fast)
    with pytest.raises(UnknownNameError, match="sharpe"):
        evaluate(policy, TAPE, EnvConfig(), WINDOWS[0], score="sharp", fast=fast)


def test_a_long_batch_among_short_windows_refuses_a_window_off_the_tape() -> None:
    with pytest.raises(ConfigError, match="slice"):
        evaluate_windows([lively_policy()], TAPE, EnvConfig(), [*WINDOWS, Range(0, 400)])
