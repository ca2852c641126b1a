"""Every candidate is a whole configuration, and none moves when the defaults do."""

import pytest

from bench.search.candidates import CANDIDATES, ORIGINAL, candidate_config
from envs.errors import UnknownNameError
from training.config import original_config


def test_every_candidate_writes_out_all_that_any_changes_or_changes_one_thing_more():
    common = set(CANDIDATES["old"])
    assert all(common <= set(values) for values in CANDIDATES.values())


@pytest.mark.parametrize("name", [*CANDIDATES, ORIGINAL, "profile quality"])
def test_a_candidate_is_a_valid_configuration_on_one_thread(name):
    assert candidate_config(name).agent.n_threads == 1


def test_the_original_is_trained_by_the_engine_with_its_own_settings():
    agent, stock = candidate_config(ORIGINAL).agent, original_config().agent
    assert (agent.engine, agent.lstm_hidden_size) == ("exact", stock.lstm_hidden_size)


def test_no_such_candidate_is_told_so():
    with pytest.raises(UnknownNameError, match="candidate"):
        candidate_config("strat")
