import io
import json
import math
from dataclasses import replace

import pytest
from rich.cells import cell_len

from bot.live import JsonLines, PlainLines, Quiet
from tests.bot.calibrated import ORIGINAL
from training.events import (
    Decided,
    Evaluated,
    Event,
    FirstPlayed,
    FoldStarted,
    Noticed,
    Progressed,
    RunFinished,
)

HOSTILE = "EVIL[/]\x1b[2J\u202e"


def plain(events, clock=lambda: 0.0):
    stream = io.StringIO()
    display = PlainLines(stream, clock=clock)
    for event in events:
        display(event)
    return stream.getvalue().splitlines()


def decided(rule, value, fold_index=0):
    return Decided(fold_index=fold_index, rule=rule, value=value, reason="because")


def test_each_fold_has_a_line_for_its_start_its_evaluations_and_its_end(fake_events):
    lines = plain(fake_events(n_folds=2, n_updates=3))
    of_fold = [line for line in lines if line.startswith("fold 1: ")]
    assert [line.split()[2] for line in of_fold] == [
        "adaptive", "warm", "train", "step", "step", "step", "done",
    ]  # fmt: skip
    assert of_fold[2] == (
        "fold 1: train on bars [700, 2699), validate on [2700, 3199), test on [3200, 3700); "
        "up to 4,000 steps, warm start from fold 0"
    )
    assert of_fold[-1].startswith("fold 1: done in 12.0 s, 4,000 steps: test ")


def progressed(n_steps):
    return Progressed(
        fold_index=0, n_steps=n_steps, budget_steps=90_112, steps_per_s=70.4,
        learning_rate=1e-3, n_epochs=4, ent_coef=0.01, clip_range=0.2,
    )  # fmt: skip


def test_a_slow_training_is_not_silent_and_a_fast_one_says_no_more(fake_events):
    """Updates of 4 s: the first line after 5 s, further ones after 30 s without any."""
    started = next(event for event in fake_events() if isinstance(event, FoldStarted))
    now_s = [0.0]
    stream = io.StringIO()
    display = PlainLines(stream, clock=lambda: now_s[0])
    display(started)
    for update in range(1, 21):
        now_s[0] = 4.0 * update
        display(progressed(512 * update))
    lines = stream.getvalue().splitlines()[1:]
    assert lines == [
        "fold 0: step 1,024 of 90,112, 70 steps/s",  # at 8 s
        "fold 0: step 5,120 of 90,112, 70 steps/s",  # at 40 s
        "fold 0: step 9,216 of 90,112, 70 steps/s",  # at 72 s
    ]
    played = FirstPlayed(fold_index=0, n_steps=512, duration_s=8.25)
    assert plain([started, played, *map(progressed, range(512, 9_216, 512))])[1:] == []


def test_a_first_update_that_takes_long_is_told_of(fake_events):
    started = next(event for event in fake_events() if isinstance(event, FoldStarted))
    now_s = iter([0.0, 0.0, 8.25, 8.25])
    lines = plain(
        [started, FirstPlayed(fold_index=0, n_steps=512, duration_s=8.25)], lambda: next(now_s)
    )
    assert lines[1:] == ["fold 0: the first 512 steps are played, in 8.2 s; learning from them"]


def test_a_budget_that_was_asked_for_in_no_whole_rollouts_says_why_more_are_trained(fake_events):
    started = next(event for event in fake_events() if isinstance(event, FoldStarted))
    asked = decided("adaptive_timesteps", started.budget_steps - 192)
    assert "steps (whole rollouts), " in plain([asked, started])[-1]
    asked = decided("adaptive_timesteps", started.budget_steps)
    assert "rollouts" not in plain([asked, started])[-1]


@pytest.mark.parametrize("columns", ["80", "60"])
def test_in_a_pipe_nothing_is_wider_than_columns_says(fake_events, monkeypatch, columns):
    events = [Noticed(level="info", message="many words " * 40), *fake_events(n_folds=2)]
    monkeypatch.setenv("COLUMNS", columns)
    lines = plain(events)
    assert max(map(cell_len, lines)) <= int(columns)
    words = " ".join(" ".join(lines).split())
    monkeypatch.delenv("COLUMNS")
    unwrapped = plain(events)
    assert max(map(cell_len, unwrapped)) > 200
    for line in unwrapped[: unwrapped.index("")]:
        assert " ".join(line.split()) in words


def test_one_fold_is_not_folds(fake_events):
    (line, *_) = plain(fake_events(n_folds=1))
    assert ", 1 fold; optimized training" in line


def test_the_pace_of_the_original_has_a_line():
    assert plain([ORIGINAL, replace(ORIGINAL, was_before=True, n_threads=2)]) == [
        "the original training, timed: 5.124 env steps/s on 1 thread (5 updates; 6.2 s in all, "
        "their warm-up included and not counted), so 20m 00s for a fold of 6,149 steps",
        "the original training, timed when this run was begun: 5.124 env steps/s on 2 threads (5 "
        "updates; 6.2 s in all, their warm-up included and not counted), so 20m 00s for a fold of "
        "6,149 steps",
    ]


def test_the_lines_of_two_equal_runs_are_equal(fake_events):
    assert plain(fake_events(n_folds=2)) == plain(fake_events(n_folds=2))


def test_the_eta_comes_from_the_folds_measured_so_far(fake_events):
    lines = [line for line in plain(fake_events(n_folds=3)) if "done in" in line]
    assert lines[0].endswith("; 2 folds to go, ETA 25.0 s")
    assert lines[1].endswith("; 1 fold to go, ETA 12.2 s")
    assert "to go" not in lines[2]


def test_the_run_ends_with_the_summary_and_the_final_line(fake_events):
    lines = plain(fake_events(n_folds=1))
    assert any(line.startswith("OUT OF SAMPLE  test slices only: 500 bars") for line in lines)
    assert lines[-1].startswith("done; loading and folds took 1m 22s: out of sample ")
    assert lines[-1].endswith("files in results/42")


def test_a_rule_that_speaks_all_the_time_has_no_lines():
    assert plain([decided("evaluation_schedule", n) for n in range(5)]) == []


def test_a_setting_is_said_when_it_changes_and_a_budget_every_fold():
    lines = plain(
        [
            decided("phase_schedule", "phases"),
            decided("adaptive_timesteps", 4000),
            decided("phase_schedule", "phases", 1),
            decided("adaptive_timesteps", 4000, 1),
            decided("phase_schedule", "cosine", 2),
            decided("early_stopping", False, 2),
            decided("early_stopping", True, 2),
        ]
    )
    assert lines == [
        "fold 0: phase schedule: phases (because)",
        "fold 0: adaptive timesteps: 4,000 steps (because)",
        "fold 1: adaptive timesteps: 4,000 steps (because)",
        "fold 2: phase schedule: cosine (because)",
        "fold 2: early stopping: yes (because)",
    ]


def test_an_evaluation_before_any_update_names_no_speed():
    event = Evaluated(fold_index=0, n_steps=0, score=0.5, best_score=0.5, is_best=True, cost_s=0.1)
    assert plain([event]) == ["fold 0: step 0: validation score +0.5000 (the best so far)"]


def test_no_control_character_reaches_the_lines(fake_events):
    lines = plain(fake_events(n_folds=1, symbol=HOSTILE, reason=HOSTILE))
    assert all(line.isprintable() for line in lines)
    assert "EVIL[/]" in lines[0]


def test_an_unknown_event_writes_nothing():
    assert plain([Event()]) == []


def test_json_lines_are_one_strict_object_for_every_event(fake_events):
    stream = io.StringIO()
    display = JsonLines(stream)
    events = [*fake_events(n_folds=1, symbol=HOSTILE), Noticed(level="info", message="a\nb")]
    for event in events:
        display(event)
    objects = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [item["event"] for item in objects] == [type(event).__name__ for event in events]
    assert "\x1b" not in stream.getvalue()


def test_numbers_that_json_lacks_become_null():
    stream = io.StringIO()
    summary = {"a": math.nan, "b": [1.5, math.inf]}
    JsonLines(stream)(RunFinished(run_folder="r", summary=summary, optimization={}))
    assert json.loads(stream.getvalue())["summary"] == {"a": None, "b": [1.5, None]}


def test_quiet_writes_warnings_to_standard_error_and_the_final_line(fake_events, capsys):
    display = Quiet()
    for event in [*fake_events(n_folds=1), Noticed(level="info", message="by the way")]:
        display(event)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert out.startswith("done; ")
    assert err == "warning: --point_value 0.01 contradicts the data of XAUUSDm: 0.001\n"
