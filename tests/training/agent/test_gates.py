"""Gates in our order give what torch's LSTM gives in its own."""

import torch
from torch import nn

from training.agent.gates import joined_cell


def test_a_step_with_joined_weights_is_a_step_of_torchs_lstm() -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 5, num_layers=2).double()
    seen, hidden, cell = (torch.randn(n, dtype=torch.float64) for n in (5, 5, 5))
    weight, bias = joined_cell(dict(lstm.named_parameters()), 1)
    sums = weight @ torch.cat([seen, hidden]) + bias
    take_in, forget, give_out, candidate = sums.split(5)
    after = forget.sigmoid() * cell + take_in.sigmoid() * candidate.tanh()
    second = nn.LSTMCell(5, 5).double()
    for name, parameter in second.named_parameters():
        parameter.data = getattr(lstm, f"{name}_l1").data
    expected_hidden, expected_cell = second(seen[None], (hidden[None], cell[None]))
    torch.testing.assert_close(after, expected_cell[0])
    torch.testing.assert_close(give_out.sigmoid() * after.tanh(), expected_hidden[0])


def test_names_may_have_a_prefix() -> None:
    lstm = nn.LSTM(3, 4)
    plain = joined_cell(dict(lstm.named_parameters()), 0)
    state = {f"lstm_actor.{name}": value for name, value in lstm.named_parameters()}
    for one, other in zip(plain, joined_cell(state, 0, prefix="lstm_actor."), strict=True):
        assert torch.equal(one, other)
