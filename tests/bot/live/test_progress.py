import pytest

from bot.live.progress import RunProgress
from training.events import Decided, Event, FoldFinished, FoldStarted, RunStarted


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(clock):
    return RunProgress(clock=clock)


def run_started(n_folds=4, first_fold_index=0):
    return RunStarted(
        run_folder="results/1", method="optimized", profile="fast", symbol="S", timeframe="1h",
        n_bars=9, n_features=3, n_folds=n_folds, first_fold_index=first_fold_index, device="cpu",
    )  # fmt: skip


def fold_started(fold_index=0, budget_steps=1000, warm_start_from=None):
    return FoldStarted(
        fold_index=fold_index, budget_steps=budget_steps, warm_start_from=warm_start_from,
        train_start=0, train_stop=1, validation_start=1, validation_stop=2, test_start=2,
        test_stop=3,
    )  # fmt: skip


def fold_finished(fold_index=0, n_steps=1000, stopped_early=False, duration_s=10.0):
    return FoldFinished(
        fold_index=fold_index, n_steps=n_steps, stopped_early=stopped_early, validation_score=0.1,
        test_return_frac=0.0, test_buy_and_hold_frac=0.0, n_test_trades=0, duration_s=duration_s,
    )  # fmt: skip


def test_nothing_is_known_before_the_first_event(progress):
    assert progress.elapsed_s is None
    assert progress.remaining_s is None
    assert progress.n_folds_done == 0


def test_the_remaining_time_is_unknown_until_a_fold_was_measured(progress, clock):
    progress(run_started())
    progress(fold_started())
    clock.now_s = 9.0
    assert progress.elapsed_s == 9.0
    assert progress.remaining_s is None


def test_the_remaining_time_is_the_mean_fold_times_the_folds_to_go_less_the_time_spent(
    progress, clock
):
    progress(run_started(n_folds=4))
    for fold_index, duration_s in ((0, 10.0), (1, 20.0)):
        progress(fold_started(fold_index))
        progress(fold_finished(fold_index, duration_s=duration_s))
    assert progress.remaining_s == 2 * 15.0
    progress(fold_started(2))
    clock.now_s = 4.0
    assert progress.remaining_s == 2 * 15.0 - 4.0
    clock.now_s = 400.0
    assert progress.remaining_s == 15.0


def test_folds_of_an_earlier_session_count_as_done_but_were_not_measured(progress):
    progress(run_started(n_folds=5, first_fold_index=3))
    assert progress.n_folds_done == 3
    assert progress.remaining_s is None


def test_a_new_fold_forgets_the_curve_and_the_speed_of_the_one_before(progress, fake_events):
    for event in fake_events(n_folds=1):
        progress(event)
    assert len(progress.evaluations) == 4
    assert progress.latest is not None
    progress(fold_started(1))
    assert progress.evaluations == []
    assert progress.latest is None


def test_only_the_last_decision_of_each_rule_is_kept(progress):
    for value in (1000, 2000):
        progress(Decided(fold_index=0, rule="evaluation_schedule", value=value, reason=""))
    progress(Decided(fold_index=0, rule="warm_start", value=None, reason=""))
    assert {rule: event.value for rule, event in progress.decisions.items()} == {
        "evaluation_schedule": 2000,
        "warm_start": None,
    }


def test_counters_add_up_what_folds_told(progress):
    progress(run_started())
    progress(Decided(fold_index=0, rule="preprocessing_cache", value=True, reason=""))
    progress(Decided(fold_index=0, rule="preprocessing_cache", value=False, reason=""))
    progress(fold_started(0))
    progress(fold_finished(0, n_steps=400, stopped_early=False))
    progress(fold_started(1, warm_start_from=0))
    progress(fold_finished(1, n_steps=700, stopped_early=True))
    progress(fold_started(2, warm_start_from=0))
    progress(fold_finished(2, n_steps=1024, stopped_early=True))
    counters = progress.counters
    assert (counters.n_warm_starts, counters.n_early_stops, counters.n_cache_hits) == (2, 2, 1)
    assert counters.untrained_steps == 300


def test_cache_hits_are_unknown_until_the_cache_has_told(progress):
    assert progress.counters.n_cache_hits is None
    progress(Decided(fold_index=0, rule="preprocessing_cache", value=False, reason=""))
    assert progress.counters.n_cache_hits == 0


def test_an_event_of_an_unknown_kind_is_ignored(progress):
    progress(Event())
    assert progress.run is None
