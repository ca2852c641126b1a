"""The `chunked` engine: what it computes on its sequences is what stock computes on them."""

from typing import Any

import numpy as np
import pytest
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.callbacks import BaseCallback

from tests.training.agent.engine_twins import Case, difference, fill, noisy_vec_env, starts_for
from tests.training.agent.stock_rollout import rollout_of
from training.agent.forward import ForwardPass
from training.agent.losses import LossSettings, ppo_loss, targets_of
from training.agent.minibatches import Minibatch, chunk_minibatch, chunked_minibatches
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.agent.refresh import refresh_states
from training.agent.rollout import Rollout

CHUNK_STEPS = 4
SEQUENCES = np.array([4, 0, 5, 2])
LOSS = LossSettings(
    clip_range=0.2, clip_range_vf=0.3, ent_coef=0.02, vf_coef=0.5, normalize_advantage=True
)
NETWORKS = [Case(n_layers=2), Case(critic="shared"), Case(critic="none", acted="box")]


def stepped(
    policy: RecurrentActorCriticPolicy, rollout: Rollout, sequence: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Stock's own stepping through one chunk: values, log-probabilities and entropy, `(steps,)`.

    Stock steps through time in Python, resetting at each start, once it sees one.
    """
    chunk, env = divmod(sequence, rollout.n_envs)
    steps = slice(chunk * CHUNK_STEPS, (chunk + 1) * CHUNK_STEPS)
    start = chunk * CHUNK_STEPS

    def memory(net: int) -> tuple[torch.Tensor, torch.Tensor]:
        net = min(net, rollout.hidden.shape[1] - 1)
        return (
            rollout.hidden[start, net][:, env : env + 1].contiguous(),
            rollout.cells[start, net][:, env : env + 1].contiguous(),
        )

    actions = rollout.actions[steps, env]
    return policy.evaluate_actions(
        rollout.observations[steps, env],
        actions.flatten() if actions.dtype == torch.int64 else actions,
        RNNStates(memory(0), memory(1)),
        torch.as_tensor(rollout.episode_starts[steps, env]).double(),
    )


def twin(case: Case, starts: np.ndarray | None = None) -> tuple[Any, Rollout]:
    """A policy and a rollout with a state at every step."""
    agent = case.agent(FastRecurrentPPO, engine="exact")
    starts = starts_for(case, 1) if starts is None else starts
    fill(agent.rollout_buffer, starts, 1, double=True)
    rollout = rollout_of(agent.rollout_buffer, has_critic_lstm=agent.policy.lstm_critic is not None)
    return agent.policy, rollout


def cut(rollout: Rollout, sequences: np.ndarray = SEQUENCES) -> Minibatch:
    batch = chunk_minibatch(rollout.episode_starts, sequences, chunk_steps=CHUNK_STEPS)
    batch.slots.mul_(CHUNK_STEPS)  # this rollout has a state at every step
    return batch


@pytest.mark.parity
@pytest.mark.parametrize("case", NETWORKS, ids=str)
@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
def test_values_log_probs_and_entropy_are_stocks_step_by_step(case: Case, density: float) -> None:
    starts = np.random.default_rng(5).random((case.n_steps, case.n_envs)) < density
    policy, rollout = twin(case, starts)
    ours = ForwardPass(policy=policy, rollout=rollout, batch=cut(rollout)).evaluation()
    for row, sequence in enumerate(SEQUENCES):
        stock = stepped(policy, rollout, int(sequence))
        for mine, theirs in zip(ours, stock, strict=True):
            column = mine.view(CHUNK_STEPS, -1)[:, row]
            torch.testing.assert_close(column, theirs.flatten(), rtol=1e-12, atol=1e-14)


@pytest.mark.parity
@pytest.mark.parametrize("position", range(CHUNK_STEPS))
def test_gradients_of_each_sequence_are_stocks_with_a_start_anywhere(position: int) -> None:
    case = Case(n_layers=2)
    starts = np.zeros((case.n_steps, case.n_envs), bool)
    starts[position::CHUNK_STEPS] = True
    policy, rollout = twin(case, starts)
    for sequence in SEQUENCES:
        batch = cut(rollout, np.array([sequence]))
        targets = targets_of(rollout, batch)
        loss, _ = ppo_loss(
            ForwardPass(policy=policy, rollout=rollout, batch=batch).evaluation(), targets, LOSS
        )
        ours = torch.autograd.grad(loss, list(policy.parameters()))
        values, log_probs, entropy = stepped(policy, rollout, int(sequence))
        stock_loss = stocks_loss(values.flatten(), log_probs, entropy, targets)
        theirs = torch.autograd.grad(stock_loss, list(policy.parameters()))
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def stocks_loss(
    values: torch.Tensor, log_probs: torch.Tensor, entropy: torch.Tensor, targets: Any
) -> torch.Tensor:
    """Write out the loss of `RecurrentPPO.train` once more."""
    advantages = targets.advantages
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ratio = torch.exp(log_probs - targets.log_probs)
    policy_loss = -torch.min(advantages * ratio, advantages * ratio.clamp(0.8, 1.2)).mean()
    predicted = targets.values + torch.clamp(values - targets.values, -0.3, 0.3)
    value_loss = ((targets.returns - predicted) ** 2).mean()
    return policy_loss - 0.02 * entropy.mean() + 0.5 * value_loss


def test_an_epoch_visits_each_transition_once_and_pads_nothing_without_resets() -> None:
    starts = np.zeros((8, 3), bool)
    starts[4, 1] = True  # at a chunk's start: no reset inside
    batches = list(
        chunked_minibatches(
            starts, np.random.default_rng(0).permutation(6), chunk_steps=4, n_sequences=4
        )
    )
    assert [len(batch.transitions) for batch in batches] == [16, 8]
    assert [batch.n_cells for batch in batches] == [16, 8]
    visited = torch.cat([batch.transitions for batch in batches]).sort().values
    assert visited.tolist() == list(range(24))
    kept = torch.cat([batch.keeps_state for batch in batches])
    assert int((~kept).sum()) == 1


def test_a_reset_inside_a_chunk_costs_one_row() -> None:
    starts = np.zeros((8, 3), bool)
    starts[2, 1] = starts[3, 1] = starts[7, 0] = True
    batch = chunk_minibatch(starts, np.array([0, 1, 3]), chunk_steps=4)
    assert (batch.n_rows, batch.n_cells, len(batch.transitions)) == (6, 24, 12)
    assert batch.keeps_state.tolist() == [True, True, True, False, False, False]


class StatesByHand(BaseCallback):
    """Rolls stock's own forward pass beside the rollout, from the same start."""

    def _on_rollout_start(self) -> None:
        agent = self.model
        self.states = agent._last_lstm_states
        self.starts = agent._last_episode_starts
        self.seen = agent._last_obs
        self.before: list[RNNStates] = []
        self.values: list[torch.Tensor] = []

    def _on_step(self) -> bool:
        starts = torch.as_tensor(self.starts, dtype=torch.float32)
        keeps = (1.0 - starts).view(1, -1, 1)
        self.before.append(RNNStates(*[(h * keeps, c * keeps) for h, c in self.states]))
        with torch.no_grad():
            _, values, _, self.states = self.model.policy(
                torch.as_tensor(self.seen), self.states, starts, deterministic=True
            )
        self.values.append(values.flatten())
        self.seen, self.starts = self.locals["new_obs"], self.locals["dones"]
        return True


@pytest.mark.parity
@pytest.mark.parametrize("critic", ["separate", "shared", "none"])
@pytest.mark.parametrize("refreshes", [False, True])
def test_states_before_chunks_are_those_of_a_step_by_step_roll(
    critic: str, refreshes: bool
) -> None:
    case = Case(n_steps=16, critic=critic, n_layers=2, double=False, batch_size=24)
    agent = case.agent(FastRecurrentPPO, chunk_steps=4)
    by_hand = StatesByHand()
    agent.learn(2 * 16 * 3, callback=by_hand)
    rollout = agent._rollout
    if refreshes:  # the last update moved the weights: roll by hand with the new ones
        agent.collect_rollouts(agent.env, by_hand, agent.rollout_buffer, 16)
        rollout.hidden[1:] = rollout.cells[1:] = torch.nan
        refresh_states(agent.policy, rollout)
    n_nets = 2 if critic == "separate" else 1
    assert rollout.hidden.shape == (4, n_nets, 2, 3, 6)
    for slot in range(4):
        for net in range(n_nets):
            hidden, cells = by_hand.before[slot * 4][net]
            torch.testing.assert_close(rollout.hidden[slot, net], hidden, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(rollout.cells[slot, net], cells, rtol=1e-5, atol=1e-6)
    if not refreshes:
        torch.testing.assert_close(
            rollout.values, torch.stack(by_hand.values), rtol=1e-5, atol=1e-6
        )


def test_one_sequence_per_env_learns_what_exact_learns_from_whole_rollouts() -> None:
    case = Case(n_steps=8, batch_size=24, n_epochs=3)
    chunked, exact = (
        case.agent(FastRecurrentPPO, engine=engine) for engine in ("chunked", "exact")
    )
    exact.policy.load_state_dict(chunked.policy.state_dict())
    for agent in (chunked, exact):
        assert agent.resolved_chunk_steps() == {"chunked": 8, "exact": 1}[agent.engine]
        fill(agent.rollout_buffer, starts_for(case, 4), 4, double=True)
        agent._rollout = rollout_of(agent.rollout_buffer, has_critic_lstm=True)
        agent._rollout.slot_steps = agent.resolved_chunk_steps()
    # The whole rollout is one minibatch for both, but only if stock's cut is not inside it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "randint", lambda _n: 0)
        for agent in (chunked, exact):
            agent.train()
    assert difference(chunked, exact) < 1e-9


def test_the_same_seed_trains_the_same_bits_and_another_does_not() -> None:
    def trained(seed: int) -> dict[str, torch.Tensor]:
        agent = FastRecurrentPPO(
            "MlpLstmPolicy",
            noisy_vec_env(3),
            n_steps=8,
            batch_size=8,
            n_epochs=2,
            seed=seed,
            policy_kwargs={"lstm_hidden_size": 6},
            device="cpu",
        )
        return dict(agent.learn(48).policy.state_dict())

    first, again, other = trained(3), trained(3), trained(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["action_net.weight"], other["action_net.weight"])
