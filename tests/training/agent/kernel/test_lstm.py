"""The kernel against `nn.LSTM` in float64, and what falls back to `nn.LSTM` itself."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from training.agent.kernel import kernel_lstm, kernel_state
from training.agent.kernel import lstm as lstm_module

SHAPES = [  # times, rows, inputs, units
    (1, 1, 1, 1),
    (5, 7, 3, 5),
    (3, 1, 4, 17),
    (9, 33, 34, 64),
    (16, 64, 34, 128),
    (4, 13, 200, 200),
    (6, 48, 16, 16),
    (3, 140, 65, 33),
]


@pytest.fixture
def kernel():
    found = kernel_state().kernel
    if found is None:
        assert kernel_state().reason != "its results are not torch's"
        pytest.skip(kernel_state().reason)
    return found


@pytest.fixture
def tiles(kernel):
    if not kernel.has_tiles:
        pytest.skip("no AMX")


@pytest.fixture
def no_fallback(monkeypatch, kernel):
    """Lets no test pass by comparing `nn.LSTM` with itself."""

    def refuse(*arguments):
        raise AssertionError("fell back to nn.LSTM")

    monkeypatch.setattr(nn.LSTM, "forward", refuse)


def case(n_time, n_rows, n_inputs, n_units, n_layers=1):
    torch.manual_seed(n_time + n_rows + n_units)
    lstm = nn.LSTM(n_inputs, n_units, n_layers)
    inputs = torch.randn(n_time, n_rows, n_inputs, requires_grad=True)
    memory = (torch.randn(n_layers, n_rows, n_units), torch.randn(n_layers, n_rows, n_units))
    return lstm, inputs, memory, torch.randn(n_time, n_rows, n_units)


def learned(run, lstm, inputs, memory, d_outputs):
    """Outputs, and gradients of inputs and all weights; the layer is left without gradients."""
    outputs = run(lstm, inputs, memory)
    outputs.backward(d_outputs.to(outputs.dtype))
    found = [outputs.detach(), inputs.grad, *(weight.grad for weight in lstm.parameters())]
    inputs.grad = None
    lstm.zero_grad(set_to_none=True)
    return found


def exact(lstm, inputs, memory, d_outputs):
    twin = nn.LSTM(lstm.input_size, lstm.hidden_size, lstm.num_layers, dtype=torch.float64)
    twin.load_state_dict(lstm.state_dict())
    doubles = inputs.detach().double().requires_grad_()
    hidden, cell = memory
    return learned(
        lambda *call: torch.nn.modules.rnn._VF.lstm(  # what nn.LSTM calls, which tests may refuse
            call[1], call[2], twin._flat_weights, True, twin.num_layers, 0.0, False, False, False
        )[0],
        twin,
        doubles,
        (hidden.double(), cell.double()),
        d_outputs.double(),
    )


def assert_near(found, expected, tolerance):
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert (ours.double() - theirs).norm() <= tolerance * theirs.norm()


@pytest.mark.parity
@pytest.mark.parametrize("shape", SHAPES)
def test_float32_gives_outputs_and_gradients_of_float64_within_rounding(shape, no_fallback):
    given = case(*shape)
    assert_near(learned(kernel_lstm, *given), exact(*given), 2e-6)


@pytest.mark.parity
def test_float32_is_elementwise_as_near_as_torch(kernel):
    given = case(16, 64, 34, 128)
    expected = exact(*given)
    theirs = learned(lambda lstm, inputs, memory: lstm(inputs, memory)[0], *given)
    for ours, torchs, right in zip(learned(kernel_lstm, *given), theirs, expected, strict=True):
        assert (ours - right).abs().max() <= 4 * (torchs - right).abs().max() + 1e-7


@pytest.mark.parity
@pytest.mark.parametrize("shape", SHAPES)
def test_bfloat16_gives_outputs_and_gradients_within_its_rounding(shape, tiles, no_fallback):
    given = case(*shape)
    with torch.autocast("cpu", torch.bfloat16):
        found = learned(kernel_lstm, *given)
    assert found[0].dtype == torch.bfloat16
    assert all(gradient.dtype == torch.float32 for gradient in found[1:])
    assert_near(found, exact(*given), 0.01)


@pytest.mark.parity
def test_bfloat16_is_nearer_to_float64_than_torch(tiles):
    given = case(32, 32, 34, 128)
    expected = exact(*given)
    with torch.autocast("cpu", torch.bfloat16):
        ours = learned(kernel_lstm, *given)
        theirs = learned(lambda lstm, inputs, memory: lstm(inputs, memory)[0], *given)
    for mine, torchs, right in zip(ours, theirs, expected, strict=True):
        assert (mine - right).norm() < (torchs - right).norm()


@pytest.mark.parity
def test_two_layers_pass_gradients_on(no_fallback):
    given = case(6, 11, 7, 24, n_layers=2)
    assert_near(learned(kernel_lstm, *given), exact(*given), 2e-6)


@pytest.mark.parity
def test_two_layers_pass_gradients_on_in_bfloat16(tiles, no_fallback):
    given = case(6, 11, 7, 24, n_layers=2)
    with torch.autocast("cpu", torch.bfloat16):
        found = learned(kernel_lstm, *given)
    assert_near(found, exact(*given), 0.02)


def test_large_sums_saturate_and_stay_finite(no_fallback):
    lstm, inputs, memory, d_outputs = case(4, 3, 5, 20)
    given = lstm, (inputs.detach() * 1e4).requires_grad_(), memory, d_outputs
    found = learned(kernel_lstm, *given)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in found)
    assert found[0].abs().max() <= 1.0
    assert_near(found[:1], exact(*given)[:1], 2e-6)


def test_infinite_inputs_give_what_torch_gives(kernel):
    lstm, inputs, memory, _ = case(3, 5, 4, 17)
    inputs = inputs.detach()
    inputs[1, 2, 3] = torch.inf
    found, expected = kernel_lstm(lstm, inputs, memory), lstm(inputs, memory)[0]
    torch.testing.assert_close(found, expected, equal_nan=True)


@pytest.mark.parametrize("in_bf16", [False, True])
def test_nan_goes_through_and_stays_in_its_row(in_bf16, kernel, no_fallback):
    if in_bf16 and not kernel.has_tiles:
        pytest.skip("no AMX")
    lstm, inputs, memory, d_outputs = case(4, 21, 6, 18)
    with torch.no_grad():
        inputs[1, 20, 5] = torch.nan
    with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
        outputs, d_inputs, *d_weights = learned(kernel_lstm, lstm, inputs, memory, d_outputs)
    is_nan = torch.zeros(4, 21, 18, dtype=torch.bool)
    is_nan[1:, 20] = True
    assert torch.equal(outputs.isnan(), is_nan)
    assert not d_inputs[:, :20].isnan().any()
    assert all(bool(gradient.isnan().any()) for gradient in d_weights)


@pytest.mark.parametrize("in_bf16", [False, True])
def test_bits_repeat_in_two_threads_at_once(in_bf16, kernel):
    if in_bf16 and not kernel.has_tiles:
        pytest.skip("no AMX")
    cases = [case(8, 24, 10, 40), case(7, 40, 12, 64)]

    def run(index):
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            return [learned(kernel_lstm, *cases[index]) for _ in range(30)]

    alone = [run(index)[0] for index in range(2)]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(run, range(2)))
    for expected, every in zip(alone, together, strict=True):
        for found in every:
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_torchs_own_bf16_products_are_unharmed_between_calls(tiles):
    left, right = torch.randn(64, 96).bfloat16(), torch.randn(96, 80).bfloat16()
    before = left @ right
    given = case(3, 20, 6, 18)
    with torch.autocast("cpu", torch.bfloat16):
        learned(kernel_lstm, *given)
    assert torch.equal(left @ right, before)


def test_no_gradients_are_asked_for_without_grad_mode(no_fallback):
    lstm, inputs, memory, _ = case(3, 5, 4, 17)
    with torch.no_grad():
        assert not kernel_lstm(lstm, inputs, memory).requires_grad


def test_rows_that_are_not_contiguous_count_as_they_are(no_fallback):
    lstm, inputs, memory, d_outputs = case(6, 9, 4, 17)
    straight = learned(kernel_lstm, lstm, inputs, memory, d_outputs)
    turned = inputs.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    for ours, theirs in zip(
        learned(kernel_lstm, lstm, turned, memory, d_outputs), straight, strict=True
    ):
        assert torch.equal(ours, theirs)


def test_weights_changed_before_the_way_back_are_noticed(no_fallback):
    lstm, inputs, memory, d_outputs = case(3, 5, 4, 17)
    outputs = kernel_lstm(lstm, inputs, memory)
    with torch.no_grad():
        lstm.weight_hh_l0.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.backward(d_outputs)


def test_a_second_way_back_is_refused(no_fallback):
    lstm, inputs, memory, d_outputs = case(3, 5, 4, 17)
    outputs = kernel_lstm(lstm, inputs, memory)
    outputs.backward(d_outputs, retain_graph=True)
    with pytest.raises(AssertionError, match="once only"):
        outputs.backward(d_outputs)


def refuse_the_kernel(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("called the kernel")

    monkeypatch.setattr(lstm_module, "run_layer", refuse)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    "options",
    [{"bias": False}, {"bidirectional": True}, {"proj_size": 3}, {"dtype": torch.float64}],
)
def test_what_the_kernel_cannot_do_falls_back(options, monkeypatch):
    refuse_the_kernel(monkeypatch)
    lstm = nn.LSTM(4, 8, **options)
    dtype = options.get("dtype", torch.float32)
    n_directions = 2 if lstm.bidirectional else 1
    memory = (
        torch.zeros(n_directions, 3, lstm.proj_size or 8, dtype=dtype),
        torch.zeros(n_directions, 3, 8, dtype=dtype),
    )
    inputs = torch.randn(5, 3, 4, dtype=dtype)
    assert torch.equal(kernel_lstm(lstm, inputs, memory), lstm(inputs, memory)[0])


def test_gradients_of_the_memory_fall_back(monkeypatch):
    refuse_the_kernel(monkeypatch)
    lstm, inputs, (hidden, cell), d_outputs = case(3, 5, 4, 17)
    hidden.requires_grad_()
    kernel_lstm(lstm, inputs, (hidden, cell)).backward(d_outputs)
    assert hidden.grad is not None


def test_switched_off_it_is_nn_lstm_bit_for_bit(monkeypatch):
    refuse_the_kernel(monkeypatch)
    monkeypatch.setenv("WALKFAST_KERNEL", "0")
    lstm, inputs, memory, _ = case(3, 5, 4, 17)
    assert torch.equal(kernel_lstm(lstm, inputs, memory), lstm(inputs, memory)[0])
