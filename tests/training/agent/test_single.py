"""The NumPy actor computes what the policy's own modules compute, however bars are cut."""

import numpy as np
import pytest
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.network import ACTIVATIONS, Network, build_policy
from training.agent.single import SingleActor

N_BARS, N_FEATURES, N_ACCOUNT = 1100, 3, 4


def policy_of(**sizes: object) -> RecurrentActorCriticPolicy:
    network = Network(
        **{
            "n_inputs": N_FEATURES + N_ACCOUNT,
            "n_actions": 3,
            "lstm_hidden_size": 8,
            "n_lstm_layers": 2,
            "critic_lstm": "none",
            "actor_layers": (6, 5),
            "critic_layers": (),
            "activation": "tanh",
        }
        | sizes
    )
    policy = build_policy(network)
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in policy.parameters():
            tensor.copy_(0.5 * torch.randn(tensor.shape, generator=source))
    return policy.double()  # rounding cannot hide a mistake


def observations() -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(1)
    features = source.normal(size=(N_BARS, N_FEATURES)).astype(np.float32)
    return features, source.normal(size=(N_BARS, N_ACCOUNT)).astype(np.float32)


def own_logits(policy: RecurrentActorCriticPolicy) -> np.ndarray:
    seen = torch.from_numpy(np.concatenate(observations(), axis=1)).double()
    with torch.no_grad():
        output = policy.lstm_actor(seen)[0]
        return policy.action_net(policy.mlp_extractor.forward_actor(output)).numpy()


SIZES = [
    {"n_lstm_layers": 1, "actor_layers": ()},
    {"critic_lstm": "shared", "n_actions": 4},
    {"critic_lstm": "separate", "n_lstm_layers": 3, "actor_layers": (9,)},
    *({"activation": name} for name in ACTIVATIONS),
]


@pytest.mark.parity
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_bar_after_bar_gives_the_policys_logits(sizes: dict[str, object]) -> None:
    policy = policy_of(**sizes)
    features, accounts = observations()
    actor = SingleActor(policy, features)
    rows = []
    for bar in range(N_BARS):
        rows.append(actor.logits(accounts[bar : bar + 1])[0])
        actor.keep(1)
    np.testing.assert_allclose(rows, own_logits(policy), rtol=0, atol=1e-12)


@pytest.mark.parity
def test_blocks_that_are_kept_in_part_give_the_policys_logits() -> None:
    policy = policy_of()
    features, accounts = observations()
    actor, source = SingleActor(policy, features), np.random.default_rng(2)
    rows: list[np.ndarray] = []
    while len(rows) < N_BARS:
        n_ahead = min(int(source.integers(1, 17)), N_BARS - len(rows))
        n_kept = int(source.integers(1, n_ahead + 1))
        ahead = accounts[len(rows) : len(rows) + n_ahead].copy()
        ahead[n_kept:] += 1.0  # what is thrown away was seen with another account
        rows += list(actor.logits(ahead)[:n_kept])
        actor.keep(n_kept)
    np.testing.assert_allclose(rows, own_logits(policy), rtol=0, atol=1e-12)


def test_only_weights_beyond_the_cache_look_ahead() -> None:
    features, _ = observations()
    assert SingleActor(policy_of(), features).max_block_bars == 1
    large = policy_of(lstm_hidden_size=256)  # 3 * 256 * 1024 numbers
    assert SingleActor(large, features).max_block_bars == 16


def test_the_policy_is_only_read() -> None:
    policy = policy_of()
    before = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
    features, accounts = observations()
    actor = SingleActor(policy, features)
    actor.logits(accounts[:16])
    actor.keep(16)
    for name, tensor in policy.state_dict().items():
        assert torch.equal(tensor, before[name]), name
