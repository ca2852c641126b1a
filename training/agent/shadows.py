"""`Shadow`: tells where rounding could have decided an action of a walk that is over.

Sums in another order differ in the last bits, and a recurrent network may let that grow. A shadow
sees what the walk saw, with its memory shaken at every bar by a little more than rounding does.
Where the two part, so may the walk and the policy's own `predict`. The bars are known by then, so
that one call of torch's LSTM takes many of them (`docs/decisions/111-one-window.md`).
"""

from __future__ import annotations

import copy

import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

TIE_TOLERANCE = 1e-5
"""Two logits closer than this times the largest row norm of the last layer count as a tie.

Even where memories agree, the order of sums moves the logits themselves. The largest difference
measured was an eighteenth of it (decision 052)."""
SHADOW_NOISE = 2.0**-20
"""How much a shadow's memory is moved at every bar: eight times float32's rounding step."""
CAUTION = 4.0
"""How many times further than its shadow a walk may be off (decision 111)."""


class Shadow:
    """The shaken actor of one policy beside any number of rows; the policy is only read.

    Works on the CPU and in the policy's own dtype.

    Args:
        policy: Over a flat observation and discrete actions.
    """

    def __init__(self, policy: RecurrentActorCriticPolicy) -> None:
        self._lstm = copy.deepcopy(policy.lstm_actor).cpu()
        self._head = copy.deepcopy(policy.mlp_extractor.policy_net).cpu()
        self._last = copy.deepcopy(policy.action_net).cpu()
        self._memory: tuple[torch.Tensor, torch.Tensor] | None = None
        self._apart: torch.Tensor | None = None
        with torch.no_grad():
            for layer in range(self._lstm.num_layers):
                # W (s * h) is (W * s) h: to shake these columns is to shake the memory.
                _shake(getattr(self._lstm, f"weight_hh_l{layer}"))
            weight = next(self._last.parameters())
            smallest = torch.finfo(weight.dtype).tiny
            self._tolerance = TIE_TOLERANCE * weight.norm(dim=1).amax() + smallest

    @torch.inference_mode()
    def nearness(self, observations: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Follow a walk on; each call goes on where the last one ended.

        Args:
            observations: `(n_bars, n_rows, n_inputs)`, as the walk saw them.
            logits: `(n_bars, n_rows, n_actions)`, as the walk had them.

        Returns:
            `(n_bars, n_rows)`: the distance between the best two logits over what rounding could
            move. Below 1 an action may differ from the policy's own. NaN where a logit is not a
            number.
        """
        values, self._memory = self._lstm(observations.to(self._tolerance.dtype), self._memory)
        apart = (self._last(self._head(values)) - logits).abs().amax(dim=2) * CAUTION
        # Two that part may come close again by chance: how far they have been counts.
        apart[0] = torch.maximum(apart[0], self._apart) if self._apart is not None else apart[0]
        apart = apart.cummax(dim=0).values
        self._apart = apart[-1]
        best = logits.topk(2, dim=2).values
        nearness: torch.Tensor = (best[..., 0] - best[..., 1]) / (apart + self._tolerance)
        return nearness


def _shake(weight: torch.Tensor) -> None:
    weight[:, ::2] *= 1.0 + SHADOW_NOISE
    weight[:, 1::2] *= 1.0 - SHADOW_NOISE
