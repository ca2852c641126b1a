"""`Updater`: one optimizer step of PPO on one minibatch.

Actor and critic of most policies share nothing, so their halves of the loss are learned from apart,
on two threads where there are two: small products gain next to nothing from threads within them
(`docs/decisions/112-actor-and-critic-side-by-side.md`). One worker computes the very same bits as
two. Not here: which minibatches there are (`training.agent.recurrent_ppo`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Self

import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

from training.agent.finite import check_gradients
from training.agent.forward import ForwardPass, are_independent
from training.agent.losses import (
    STATISTICS,
    LossSettings,
    actor_loss,
    critic_loss,
    ppo_loss,
    targets_of,
)
from training.agent.minibatches import Minibatch
from training.agent.rollout import Rollout
from training.agent.sizes import Precision

_APPROX_KL = STATISTICS.index("approx_kl")


class Updater:
    """Takes a policy's optimizer steps; made for one update, so that no thread outlives it.

    Use it as a context manager: leaving waits for what still runs.

    Args:
        policy: Changed in place, with its own optimizer.
        precision: Of the networks' passes; weights and optimizer keep their own.
        n_workers: Threads to compute on, 1 or 2. Two serve where actor and critic are independent,
            and give the same bits as one.
    """

    def __init__(
        self, policy: RecurrentActorCriticPolicy, *, precision: Precision, n_workers: int
    ) -> None:
        self._policy = policy
        self._precision = precision
        self._are_independent = are_independent(policy)
        self._helper = ThreadPoolExecutor(1) if n_workers > 1 and self._are_independent else None
        self._may_wait = not fuse(policy.optimizer) or next(policy.parameters()).is_cpu
        self._norms: list[torch.Tensor] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._helper is not None:
            self._helper.shutdown()

    def step(
        self,
        rollout: Rollout,
        batch: Minibatch,
        settings: LossSettings,
        *,
        max_kl: float | None,
        max_grad_norm: float,
        n_timesteps: int,
    ) -> tuple[torch.Tensor, torch.Tensor, bool]:
        """Take one step, unless the policy has already moved too far.

        Args:
            rollout: What to learn from.
            batch: Which part of it.
            settings: Of the loss.
            max_kl: Approximate KL divergence beyond which no step is taken, for which a GPU is
                waited for each time; None takes all.
            max_grad_norm: Gradients are scaled down to this 2-norm.
            n_timesteps: Env steps taken so far, for messages.

        Returns:
            The loss, `(5,)` statistics, and whether the step was taken.

        Raises:
            TrainingError: If a gradient is not finite; the weights are as before. On a GPU, which
                this must not wait for, `finish` raises instead.
        """
        policy = self._policy
        policy.optimizer.zero_grad()
        forward = ForwardPass(
            policy=policy, rollout=rollout, batch=batch, precision=self._precision
        )
        learn = self._learn_apart if self._are_independent else self._learn_jointly
        loss, statistics = learn(forward, settings)
        if max_kl is not None and float(statistics[_APPROX_KL]) > max_kl:
            return loss, statistics, False
        norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), max_grad_norm)
        if self._may_wait:
            check_gradients(norm, policy.named_parameters(), n_timesteps=n_timesteps)
        else:
            self._skip_where_bad(norm)
        policy.optimizer.step()
        return loss, statistics, True

    def _skip_where_bad(self, norm: torch.Tensor) -> None:
        """Let the device leave out a step with a bad gradient, and remember to say so."""
        self._norms.append(norm)
        # What torch's gradient scaler sets, too: fused optimizers do nothing where it is 1.
        self._policy.optimizer.found_inf = 1.0 - torch.isfinite(norm).float()  # type: ignore[attr-defined]  # read by fused kernels only

    def finish(self, *, n_timesteps: int) -> None:
        """End an update: look at what `step` could not wait for.

        Raises:
            TrainingError: If a gradient was not finite; no step was taken with it.
        """
        norms, self._norms = self._norms, []
        if norms:
            largest = torch.stack(norms).max()  # NaN where one is
            check_gradients(largest, self._policy.named_parameters(), n_timesteps=n_timesteps)

    def _learn_jointly(
        self, forward: ForwardPass, settings: LossSettings
    ) -> tuple[torch.Tensor, torch.Tensor]:
        then = targets_of(forward.rollout, forward.batch)
        loss, statistics = ppo_loss(forward.evaluation(), then, settings)
        _backward(loss)
        return loss.detach(), statistics

    def _learn_apart(
        self, forward: ForwardPass, settings: LossSettings
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Learn from the two halves of the loss; each thread touches one network's gradients."""
        then = targets_of(forward.rollout, forward.batch)

        def learn_values() -> tuple[torch.Tensor, torch.Tensor]:
            loss, found = critic_loss(forward.values(), then, settings)
            _backward(loss)
            return loss.detach(), found

        pending = None if self._helper is None else self._helper.submit(learn_values)
        loss, statistics = actor_loss(forward.judgement(), then, settings)
        _backward(loss)
        value_loss, found = learn_values() if pending is None else pending.result()
        return loss.detach() + value_loss, torch.cat([statistics, found])


def fuse(optimizer: torch.optim.Optimizer) -> bool:
    """Let Adam step all weights in one call; a third of the time of torch's loop on the CPU.

    Loading another optimizer's state brings its own choice back, so ask before each update.

    Returns:
        Whether it is an optimizer that can.
    """
    if not isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW):
        return False
    for group in optimizer.param_groups:
        group["fused"], group["foreach"] = True, False
    for weight, state in optimizer.state.items():  # counts lie on the host in a state of the loop
        state["step"] = state["step"].to(weight.device)
    return True


def _backward(loss: torch.Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]  # of torch
