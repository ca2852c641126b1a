import pytest

from training.clock import StageClock


def test_stages_add_up_in_the_order_they_first_ran():
    clock = StageClock()
    clock.add("update", 2.0)
    clock.add("rollout", 1.0)
    clock.add("update", 0.5)
    assert clock.to_json() == {"update": 2.5, "rollout": 1.0}
    assert clock.seconds("update", "rollout", "missing") == 3.5


def test_a_block_is_measured_also_when_it_raises():
    clock = StageClock()
    with pytest.raises(RuntimeError), clock.stage("load"):
        raise RuntimeError
    assert clock.seconds("load") > 0
