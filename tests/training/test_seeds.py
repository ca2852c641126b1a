import random

import numpy as np
import torch

from training.seeds import branch_seed, generator, globals_kept, torch_state_kept


def test_a_branch_is_reproducible_and_fits_31_bits():
    assert branch_seed(42, "fold", 3) == branch_seed(42, "fold", 3)
    assert all(0 <= branch_seed(seed, "fold") < 2**31 for seed in range(50))


def test_branches_differ_by_seed_word_and_number():
    paths = [
        (42,),
        (42, "fold"),
        (42, "fold", 1),
        (42, "fold", "1"),
        (42, "test", 1),
        (43, "fold", 1),
    ]
    assert len({branch_seed(*path) for path in paths}) == len(paths)


def test_generators_of_one_branch_draw_the_same():
    one, other = generator(1, "a"), generator(1, "a")
    np.testing.assert_array_equal(one.random(5), other.random(5))


def test_torch_state_is_put_back_also_after_an_error():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    try:
        with torch_state_kept():
            torch.rand(100)
            raise RuntimeError
    except RuntimeError:
        pass
    assert torch.equal(torch.rand(3), expected)


def drawn():
    numbers = np.random.random(3)  # noqa: NPY002 - stable-baselines3 draws from the global one
    return random.random(), numbers.tolist(), torch.rand(3).tolist(), torch.get_num_threads()


def test_an_agent_that_is_only_timed_leaves_all_global_states_as_they_were():
    with globals_kept():
        expected = drawn()
    with globals_kept():
        drawn()
        torch.set_num_threads(torch.get_num_threads() + 1)
        random.seed(1)
    assert drawn() == expected
