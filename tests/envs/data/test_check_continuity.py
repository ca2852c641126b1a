"""Open and close in each other's column."""

import numpy as np
import pytest

from envs.errors import DataError


def exchanged(columns):
    return {**columns, "open": columns["close"], "close": columns["open"]}


def test_open_and_close_in_each_others_column_are_refused(loaded, walk, table):
    text = table(exchanged(walk()))
    for repair in (False, True):
        with pytest.raises(DataError, match="open_close_exchanged"):
            loaded(text, repair=repair)


def test_rows_that_run_backwards_under_forward_times_are_refused(loaded, walk, table):
    columns = {name: column[::-1] for name, column in walk().items()}
    with pytest.raises(DataError, match=r"open_close_exchanged(.|\n)*run backwards"):
        loaded(table(columns))


@pytest.mark.parametrize("jump", [0.0, 1e-3, 1e-2])
def test_bars_with_jumps_between_them_pass(loaded, walk, table, jump):
    columns = walk()
    level = np.exp(np.cumsum(np.random.default_rng(1).normal(0, jump, 200)))
    columns = {name: (column * level).round(3) for name, column in columns.items()}
    assert len(loaded(table(columns)).bars) == 200


def test_too_few_bars_to_tell_pass(loaded, walk, table):
    assert len(loaded(table(exchanged(walk(25)))).bars) == 25
