"""Shadows stay close where a network forgets, and part from the walk where it amplifies."""

import pytest
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.network import Network, build_policy
from training.agent.shadows import SHADOW_NOISE, TIE_TOLERANCE, Shadow

SEEN = torch.randn(300, 2, 7, generator=torch.Generator().manual_seed(5))


def policy_of(*, gain: float, n_lstm_layers: int = 2) -> RecurrentActorCriticPolicy:
    network = Network(
        n_inputs=7,
        n_actions=3,
        lstm_hidden_size=32,
        n_lstm_layers=n_lstm_layers,
        critic_lstm="none",
        actor_layers=(6,),
        critic_layers=(),
        activation="tanh",
    )
    policy = build_policy(network)
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in policy.parameters():
            tensor.copy_(gain * torch.randn(tensor.shape, generator=source))
    return policy


def logits_of(policy: RecurrentActorCriticPolicy) -> torch.Tensor:
    with torch.no_grad():
        output = policy.lstm_actor(SEEN)[0]
        return policy.action_net(policy.mlp_extractor.forward_actor(output))


def test_where_memory_is_soon_forgotten_only_ties_are_near() -> None:
    policy = policy_of(gain=0.1)
    logits = logits_of(policy)
    nearness = Shadow(policy).nearness(SEEN, logits)
    best = logits.topk(2, dim=2).values
    gaps = best[..., 0] - best[..., 1]
    tolerance = TIE_TOLERANCE * policy.action_net.weight.norm(dim=1).max()
    assert (gaps / nearness - tolerance).abs().max() < 0.1 * tolerance
    logits[3, 1] = 0.25  # all alike
    assert Shadow(policy).nearness(SEEN, logits)[3, 1] == 0.0


def test_where_rounding_is_amplified_every_later_bar_is_near() -> None:
    policy = policy_of(gain=4.0)
    nearness = Shadow(policy).nearness(SEEN, logits_of(policy))
    assert nearness[0].min() > 1.0
    assert (nearness[150:] < 1.0).float().mean() > 0.5


def test_a_shadow_is_a_walk_whose_memory_is_shaken_at_every_bar() -> None:
    policy = policy_of(gain=0.5, n_lstm_layers=1).double()
    factors = torch.ones(32, dtype=torch.float64)
    factors[::2] += SHADOW_NOISE
    factors[1::2] -= SHADOW_NOISE
    hidden = carried = torch.zeros(1, 2, 32, dtype=torch.float64)
    rows = []
    with torch.no_grad():
        for bar in SEEN.double():
            output, (hidden, carried) = policy.lstm_actor(bar[None], (hidden * factors, carried))
            rows.append(policy.action_net(policy.mlp_extractor.forward_actor(output)))
    shaken = torch.cat(rows)
    # A walk that is its own shadow is not apart: what is left is the tolerance for ties.
    best = shaken.topk(2, dim=2).values
    tolerance = TIE_TOLERANCE * policy.action_net.weight.norm(dim=1).max()
    nearness = Shadow(policy).nearness(SEEN, shaken)
    wanted = (best[..., 0] - best[..., 1]) / tolerance
    torch.testing.assert_close(nearness, wanted.detach(), rtol=1e-6, atol=0)


def test_how_far_the_two_have_been_apart_is_never_forgotten() -> None:
    policy = policy_of(gain=0.1)
    logits = logits_of(policy)
    plain = Shadow(policy).nearness(SEEN, logits)
    moved = logits.clone()
    moved[50, 0] += 9.0  # the same choice, from logits far from the shadow's
    shadow = Shadow(policy)
    nearness = torch.cat(
        [shadow.nearness(SEEN[r], moved[r]) for r in (slice(0, 99), slice(99, None))]
    )
    torch.testing.assert_close(nearness[:50], plain[:50])
    assert nearness[50:, 0].max() < 1.0
    assert nearness[:, 1].min() > 1.0


def test_two_calls_go_on_as_one() -> None:
    policy = policy_of(gain=0.5)
    logits = logits_of(policy)
    whole, shadow = Shadow(policy).nearness(SEEN, logits), Shadow(policy)
    parts = [shadow.nearness(SEEN[rows], logits[rows]) for rows in (slice(0, 99), slice(99, None))]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-2, atol=0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_logit_that_is_no_number_is_told(value: float) -> None:
    policy = policy_of(gain=0.5)
    logits = logits_of(policy)
    logits[7, 1, 2] = value
    nearness = Shadow(policy).nearness(SEEN, logits)
    assert torch.isnan(nearness[7, 1])
    assert not torch.isnan(nearness[:7]).any()
    assert not torch.isnan(nearness[:, 0]).any()


def test_the_policy_keeps_its_weights() -> None:
    policy = policy_of(gain=0.5)
    before = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
    Shadow(policy)
    for name, tensor in policy.state_dict().items():
        assert torch.equal(tensor, before[name]), name
