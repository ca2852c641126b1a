import pickle

import pytest

from envs.errors import ConfigError, DataError, UnknownNameError, WalkfastError


def test_message_says_what_must_hold_what_came_where_and_how_to_mend_it():
    error = DataError("Prices must be positive", came="-1.0", where="row 3", mend="drop it")
    assert str(error).splitlines() == [
        "Prices must be positive.",
        "Found: -1.0.",
        "Where: row 3.",
        "To mend: drop it.",
    ]


def test_message_leaves_out_what_is_not_known():
    assert str(ConfigError("The seed must be 0 or more", came="-1")).splitlines() == [
        "The seed must be 0 or more.",
        "Found: -1.",
    ]


def test_unknown_name_offers_the_nearest_match_and_the_list():
    error = UnknownNameError.of("profile", "balancd", ["fast", "balanced"])
    assert "did you mean 'balanced'?" in str(error)
    assert "balanced, fast" in str(error)


def test_unknown_name_without_a_near_one_only_lists():
    assert "did you mean" not in str(UnknownNameError.of("profile", "zzz", ["fast"]))


@pytest.mark.parametrize("kind", [WalkfastError, DataError, UnknownNameError])
def test_errors_survive_pickling_so_that_workers_can_send_them_home(kind):
    error = kind("A must hold", came="B", where="C", mend="D")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
