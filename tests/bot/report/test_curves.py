import numpy as np

from bot.report.curves import (
    AppliedSchedule,
    applied_schedules,
    drawdown,
    fold_ends,
    thinned,
    validation_curve,
)


def test_drawdown_is_the_fall_from_the_highest_so_far():
    assert drawdown(np.array([100.0, 120.0, 90.0, 150.0])).tolist() == [0.0, 0.0, -0.25, 0.0]


def test_a_short_curve_is_not_thinned():
    assert thinned([np.arange(5.0)], 10).tolist() == [0, 1, 2, 3, 4]


def test_a_thinned_curve_keeps_its_ends_and_every_extreme():
    curve = np.zeros(10_000)
    curve[3_333], curve[7_777] = 5.0, -5.0
    kept = thinned([curve], 100)
    assert {0, 3_333, 7_777, 9_999} <= set(kept.tolist())
    assert len(kept) <= 102
    assert (np.diff(kept) > 0).all()


def fold(index=0, **changes):
    content = {
        "fold": {"index": index},
        "evaluations": [{"step": 500, "score": 0.1}, {"step": 1000, "score": 0.3},
                        {"step": 1500, "score": 0.3}],
        "hyperparameters": [{"n_steps": 0, "values": {"learning_rate": 0.1, "n_epochs": 4}},
                            {"n_steps": 800, "values": {"learning_rate": 0.05, "n_epochs": 4}}],
        "outcome": {"steps_trained": 1500},
        "chosen": "trained",
        "validation_score": 0.3,
    }  # fmt: skip
    return content | changes


def test_the_tested_model_is_found_by_its_score():
    assert validation_curve(fold()).chosen == 1
    assert validation_curve(fold(validation_score=0.1)).chosen == 0


def test_no_point_is_marked_when_another_model_was_tested():
    assert validation_curve(fold(chosen="incumbent")).chosen is None
    assert validation_curve(fold(validation_score=0.7)).chosen is None
    assert validation_curve(fold(validation_score=None)).chosen is None


def test_points_that_are_no_numbers_are_left_out():
    evaluations = [{"step": 1, "score": None}, {"step": "x", "score": 1}, {"step": 2, "score": 0.5}]
    curve = validation_curve(fold(evaluations=evaluations))
    assert (curve.steps, curve.scores) == ((2.0,), (0.5,))


def test_schedules_run_on_over_the_folds():
    rate, epochs = applied_schedules([fold(0), fold(1)])
    assert rate == AppliedSchedule(
        name="learning_rate",
        steps=(0.0, 800.0, 1500.0, 2300.0, 3000.0),
        values=(0.1, 0.05, 0.1, 0.05, 0.05),
    )
    assert epochs.values == (4.0,) * 5
    assert fold_ends([fold(0), fold(1)]) == [1500.0, 3000.0]


def test_there_are_no_schedules_without_records():
    assert applied_schedules([fold(hyperparameters=[])]) == []
