"""Which folds and seeds meet, what is refused, and what is said beside it."""

from __future__ import annotations

import numpy as np
import pytest

from envs.errors import ConfigError
from tests.training.compare.made_up_runs import make_run
from training.compare.finished import read_finished
from training.compare.pairing import pair
from training.compare.sides import make_side
from training.folds import Range


@pytest.fixture
def side(tmp_path):
    def make(label, *options):
        runs = [
            make_run(tmp_path / f"{label}{index}", **({"seed": index} | item))
            for index, item in enumerate(options)
        ]
        return make_side(label, [read_finished(run) for run in runs])

    return make


def said(pairing):
    return " ".join(pairing.notes)


def test_folds_meet_where_they_tested_the_same_bars_whatever_their_number(side):
    a = side("A", {"returns": (0.1, 0.2, 0.3), "first": 2_500})
    b = side("B", {"returns": (0.5, 0.6), "first": 3_000, "folds__step_bars": 999})
    found = pair(a, b)
    assert found.tests == (Range(3_000, 3_500), Range(3_500, 4_000))
    ours, theirs = found.table(lambda fold: fold.return_frac)
    np.testing.assert_array_equal(ours, [[0.2], [0.3]])
    np.testing.assert_array_equal(theirs, [[0.5], [0.6]])
    assert "1 of 3 test slices of A are left out: B has none of the same bars" in said(found)


def test_slices_that_only_overlap_are_no_common_ground(side):
    a, b = side("A", {"returns": (0.1, 0.2)}), side("B", {"returns": (0.1,), "first": 2_600})
    with pytest.raises(ConfigError) as error:
        pair(a, b)
    told = str(error.value)
    assert "A tested 2 slices of 500 bars, [2500, 3500)" in told
    assert "B tested 1 slices of 500 bars, [2600, 3100)" in told


def test_other_settings_of_folds_are_named_where_nothing_is_in_common(side):
    a, b = side("A", {}), side("B", {"step": 250, "first": 2_600, "folds__step_bars": 250})
    with pytest.raises(ConfigError, match=r"folds\.step_bars 500 and 250"):
        pair(a, b)


def test_other_bars_are_refused_with_both_described(side):
    other = {"fingerprint": "0" * 64, "symbol": "OTHER", "n_bars": 10}
    with pytest.raises(ConfigError, match=r"MADEUP 1h, 9000 bars .* OTHER 1h, 10 bars"):
        pair(side("A", {}), side("B", {"bars": other}))


def test_equal_seeds_meet_then_the_rest_in_order(side):
    a = side("A", {"seed": 1}, {"seed": 2}, {"seed": 5})
    b = side("B", {"seed": 5}, {"seed": 7})
    found = pair(a, b)
    assert [[run and run.seed for run in one] for one in found.pairs] == [[5, 5], [1, 7], [2, None]]
    assert found.n_pairs == 2
    assert "The seeds differ (1, 2, 5 and 5, 7)" in said(found)
    assert "1 run has no partner and counts only in" in said(found)
    for table in found.table(lambda fold: fold.return_frac):
        assert table.shape == (6, 2)
        assert not np.isnan(table).any()
    assert [[run.seed for run in met.runs] for met in found.met] == [[5, 1], [5, 7]]


def test_settings_that_differ_are_told_and_names_are_not(side):
    a = side("A", {"agent__learning_rate": 1e-3})
    b = side("B", {"agent__learning_rate": 2e-3, "profile": "fast", "folds__max_folds": 6})
    (told,) = pair(a, b).settings
    assert (told.name, told.a, told.b) == ("agent.learning_rate", 1e-3, 2e-3)


def test_versions_and_machines_that_differ_are_told(side):
    a = side("A", {"versions": {"torch": "2.12"}}, {"versions": {"torch": "2.13"}})
    b = side("B", {"machine": {"n_cores": 8, "python": "3.12"}}, {})
    found = pair(a, b)
    told = {item.name: (item.a, item.b) for item in found.surroundings}
    assert told["torch"] == ("2.12 and 2.13", "2.13.0")
    assert told["python"] == ("3.11.7", "3.11.7 and 3.12")
    assert found.machines == "cores 2 and 8"
    assert pair(side("C", {}), side("D", {"machine": {"python": "3.12"}})).machines == ""


def test_a_run_that_stopped_counts_with_what_it_saved_and_owes_the_rest(side):
    a, b = side("A", {"returns": (0.1,) * 6}), side("B", {"returns": (0.1,) * 4, "n_planned": 6})
    found = pair(a, b)
    assert (len(found.tests), found.n_b_failed) == (4, 2)
    assert "B0 is not complete: 4 of 6 folds are saved" in said(found)
    assert pair(b, a).n_b_failed == 0


def test_fewer_folds_by_choice_are_no_failure(side):
    found = pair(side("A", {"returns": (0.1,) * 6}), side("B", {"returns": (0.1,) * 4}))
    assert found.n_b_failed == 0


def test_a_run_that_went_on_is_told(side):
    assert "was interrupted and went on" in said(pair(side("A", {"n_sessions": 2}), side("B", {})))


def test_equal_models_are_told(side):
    same = pair(side("A", {"weights": "w"}), side("B", {"weights": "w"}))
    assert "the same, bit for bit" in said(same)
    assert "bit for bit" not in said(pair(side("C", {}), side("D", {})))


def test_another_buy_and_hold_on_the_same_market_is_told(side):
    assert "rules changed" in said(pair(side("A", {}), side("B", {"hold": 0.03})))
    slippage = {"hold": 0.03, "env__market": {"slippage_points": 2.0}}
    found = pair(side("C", {}), side("D", slippage))
    assert "rules changed" not in said(found)
    assert [item.name for item in found.market] == ["env.market.slippage_points"]


def test_a_gap_between_the_common_slices_is_told(side):
    a = side("A", {"returns": (0.1,) * 3})
    b = side("B", {"returns": (0.1, 0.1), "step": 1_000, "first": 2_500})
    with pytest.raises(ConfigError):
        pair(a, b)
    folder = b.runs[0].folder
    assert "without a gap" not in said(pair(a, a))
    make_run(folder, returns=(0.1,) * 3)
    for name in ("fold.json", "test_equity.csv"):
        (folder / "folds" / "001" / name).unlink()
    assert "without a gap" in said(pair(a, make_side("B", [read_finished(folder)])))


def test_returns_are_the_mean_over_the_pairs_of_seeds(side):
    a = side("A", {"returns": (0.1,)}, {"returns": (0.3,)}, {"returns": (0.9,)})
    found = pair(a, side("B", {"returns": (0.1,)}, {"returns": (0.2,)}))
    ours, theirs = found.returns()
    one, other, _ = (run.folds[0].returns for run in found.a.runs)
    np.testing.assert_allclose(ours, (one + other) / 2, rtol=1e-12)
    np.testing.assert_allclose(
        theirs, sum(run.folds[0].returns for run in found.b.runs) / 2, rtol=1e-12
    )
    np.testing.assert_array_equal(found.fold_index, np.zeros(500))


def test_a_slice_counts_where_a_pair_of_seeds_has_it_on_both_sides(side):
    a = side("A", {"returns": (0.1, 0.2)}, {"returns": (0.3,), "first": 3_000})
    b = side("B", {"returns": (0.4,)}, {"returns": (0.5,), "first": 3_000})
    found = pair(a, b)
    assert found.tests == (Range(2_500, 3_000), Range(3_000, 3_500))
    _, theirs = found.table(lambda fold: fold.return_frac)
    np.testing.assert_array_equal(theirs, [[0.4, np.nan], [np.nan, 0.5]])
    ours, _ = found.returns()
    np.testing.assert_array_equal(ours[500:], a.runs[1].folds[0].returns)
    crossed = side("C", {"returns": (0.4,), "first": 3_000}, {"returns": (0.5,)})
    with pytest.raises(ConfigError, match="tested the same bars"):
        pair(side("D", {"returns": (0.4,)}, {"returns": (0.5,), "first": 3_000}), crossed)
