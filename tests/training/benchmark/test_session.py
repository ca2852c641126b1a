"""The loop, with children that are made up: order, resuming, failures, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from envs.errors import ConfigError
from tests.training.benchmark import made_up
from training.benchmark.arms import make_arms
from training.benchmark.children import Answer
from training.benchmark.config import BenchmarkConfig
from training.benchmark.events import Planned, UnitFinished, UnitStarted
from training.benchmark.ground import ground
from training.benchmark.session import Session, Subject, check_subject
from training.config import RunConfig, original_config, with_values
from training.errors import StoreError, TrainingError
from training.events import Noticed
from training.store import RunStore


class Children:
    """Answers jobs at once, and lets a made-up clock run."""

    core_frac = 1.0

    def __init__(self, *, fails=(), pace=100_000.0, unit_s=5.0):
        self.jobs, self.now_s = [], 0.0
        self.fails, self.pace, self.unit_s = set(fails), pace, unit_s

    def __call__(self, job):
        self.jobs.append(job)
        self.now_s += self.unit_s
        if job.name in self.fails:
            return Answer(content=None, error="Traceback\nboom", process_s=self.unit_s)
        if job.content["kind"] == "calibrate":
            speed = {"steps_per_s": self.pace, "took_s": 1.0, "warm_up_s": 0.5, "n_rounds": 2}
            speed["core_frac"] = self.core_frac
            speeds = [dict(speed) for _ in job.content["configs"]]
            return Answer(content={"speeds": speeds}, error=None, process_s=10.0)
        content = {**made_up.answer(job.content["kind"]), "ground": ground()}
        return Answer(content=content, error=None, process_s=self.unit_s)

    @property
    def units(self):
        return [job.name for job in self.jobs if job.content["kind"] != "calibrate"]


def subject(arms=None, *, bars="b" * 64, n_folds=2):
    return Subject(
        arms=arms or made_up.arms(),
        n_folds=n_folds,
        bars_fingerprint=bars,
        data=made_up.DATA,
        n_cores=1,
    )


def run(folder, children=None, *, of=None, minutes=20.0, n_seeds=2, listener=None):
    children = children or Children()
    with RunStore(folder) as store:
        return Session(
            subject=of or subject(),
            config=BenchmarkConfig(minutes=minutes, n_seeds=n_seeds),
            store=store,
            runner=children,
            emit=listener or (lambda event: None),
            clock=lambda: children.now_s,
        ).run()


ORDER = [
    f"{arm}-{seed}" for seed in (0, 1) for arm in ("original", "original_16_envs", "optimized")
]


def test_arms_take_turns_and_every_unit_is_a_file(tmp_path):
    children = Children()
    content = run(tmp_path / "b", children)
    assert children.units == ORDER
    files = sorted(path.stem for path in (tmp_path / "b" / "units").iterdir())
    assert files == sorted(ORDER)
    unit = json.loads((tmp_path / "b" / "units" / "optimized-1.json").read_text())
    assert (unit["arm"], unit["seed"], unit["status"]) == ("optimized", 43, "done")
    assert content["took_s"] == 7 * 5.0
    assert (tmp_path / "b" / "table.md").read_text().startswith("| Arm |")
    assert json.loads((tmp_path / "b" / "benchmark.json").read_text())["n_seeds"] == 2


def test_every_arm_of_a_seed_gets_that_seed_and_the_same_folds(tmp_path):
    children = Children()
    run(tmp_path / "b", children)
    configs = [job.content["config"] for job in children.jobs[1:]]
    assert [config["seed"] for config in configs] == [42] * 3 + [43] * 3
    assert {config["folds"]["max_folds"] for config in configs} == {2}


def test_a_finished_unit_is_never_run_twice(tmp_path):
    run(tmp_path / "b")
    again = Children()
    run(tmp_path / "b", again)
    assert again.jobs == []


def test_a_benchmark_goes_on_where_it_was_interrupted(tmp_path):
    class Interrupted(Children):
        def __call__(self, job):
            if job.name == "optimized-0":
                raise KeyboardInterrupt
            return super().__call__(job)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b", Interrupted())
    said = " ".join(json.loads((tmp_path / "b" / "benchmark.json").read_text())["missing"])
    left = "1 run of original, 1 run of original 16 envs, 2 runs of optimized"
    assert f"the benchmark was interrupted: {left}." in said
    assert "nothing can be compared yet" in said
    assert said.split("Not run")[1] in (tmp_path / "b" / "table.md").read_text().replace(
        "\n- ", " "
    )
    rest = Children()
    run(tmp_path / "b", rest)
    assert rest.units == ORDER[2:]
    assert [job.name for job in rest.jobs] == ORDER[2:]  # the pace is not measured again


def test_a_fold_that_failed_is_named(tmp_path):
    class Breaks(Children):
        def __call__(self, job):
            if job.name == "optimized-1":
                fold = Path(job.content["run_folder"]) / "folds" / "000"
                fold.mkdir(parents=True)
                (fold / "fold.json").touch()
            return super().__call__(job)

    content = run(tmp_path / "b", Breaks(fails={"optimized-1"}))
    assert content["arms"]["optimized"]["failures"][0]["failed_in_fold"] == 1
    assert content["missing"] == [
        "Failed: optimized, seed 43, in fold 1 of 0 to 1: boom",
        "Both optimized and original have 1 of 2 seeds and 2 of 4 test folds: too few for an "
        "interval; not worse is not said while runs of ours failed, which may be the bad ones.",
    ]


def test_the_margin_is_written_down_before_the_first_run_and_fixed_before_the_comparison(tmp_path):
    folder, seen = tmp_path / "b", []

    class Watched(Children):
        def __call__(self, job):
            if job.content["kind"] == "whole":
                seen.append((job.name, json.loads((folder / "plan.json").read_text())["margin"]))
            return super().__call__(job)

    content = run(folder, Watched(), n_seeds=5)
    rules = [margin["rule"] for _, margin in seen]
    assert "original against itself" in rules[0]
    assert len(set(rules)) == 1
    fixed = [name for name, margin in seen if margin["fixed"] is not None]
    names = [name for name, _ in seen]
    assert fixed == names[names.index("original_again-4") + 1 :]
    assert content["calibration"]["fixed"]["value"] == 0  # made-up runs score alike
    assert content["calibration"] == json.loads((folder / "plan.json").read_text())["margin"]
    assert content["planned"]["margin"] == content["calibration"]


def test_the_original_against_itself_has_other_seeds(tmp_path):
    children = Children()
    run(tmp_path / "b", children, n_seeds=5)
    configs = {job.name: job.content.get("config") for job in children.jobs}
    again = [configs[f"original_again-{n}"] for n in range(5)]
    assert [config["seed"] for config in again] == [1_042, 1_043, 1_044, 1_045, 1_046]
    assert {**again[0], "seed": 42} == configs["original-0"]


def test_a_failed_unit_is_recorded_and_the_rest_goes_on_and_it_is_tried_again(tmp_path):
    events = []
    children = Children(fails={"optimized-0"})
    content = run(tmp_path / "b", children, listener=events.append)
    assert children.units == ORDER
    assert content["arms"]["optimized"]["failures"] == [
        {"seed": 42, "error": "Traceback\nboom", "failed_in_fold": None}
    ]
    assert [e.error for e in events if isinstance(e, UnitFinished) and e.error] == [
        "Traceback\nboom"
    ]
    again = Children()
    content = run(tmp_path / "b", again)
    assert again.units == ["optimized-0"]
    assert content["arms"]["optimized"]["failures"] == []


def test_more_seeds_are_added_to_a_finished_benchmark(tmp_path):
    run(tmp_path / "b")
    more = Children()
    content = run(tmp_path / "b", more, n_seeds=3)
    assert more.units == ["original-2", "original_16_envs-2", "optimized-2"]
    assert content["n_seeds"] == 3
    assert run(tmp_path / "b", Children(), n_seeds=1)["n_seeds"] == 3


def test_other_bars_are_refused(tmp_path):
    run(tmp_path / "b")
    with pytest.raises(
        StoreError, match=r"other bars \(PLANTED 1h, 20,000 bars, not those of PLANTED"
    ):
        run(tmp_path / "b", of=subject(bars="c" * 64))


def test_other_settings_are_refused_by_name(tmp_path):
    run(tmp_path / "b")
    other = make_arms(with_values(made_up.arms()[2].config, {"agent.learning_rate": 0.5}))
    with pytest.raises(StoreError, match=r"agent\.learning_rate was 0\.001, now 0\.5"):
        run(tmp_path / "b", of=subject(other))


def notices(folder, **options):
    events = []
    run(folder, listener=events.append, **options)
    return [event.message for event in events if isinstance(event, Noticed)]


def test_what_is_kept_of_the_first_call_is_said(tmp_path):
    (measuring,) = notices(tmp_path / "b")
    assert measuring.startswith("Measuring how fast")
    (same,) = notices(tmp_path / "b")
    assert same.endswith(", made for 20 minutes: folds 2, seeds 2.")
    _, bound = notices(tmp_path / "b", minutes=60.0)
    assert bound.startswith("The 60 minutes of now bound this session and change nothing")
    _, fewer = notices(tmp_path / "b", n_seeds=1)
    assert fewer == "It keeps its 2 seeds, more than the 1 asked for now."
    _, more = notices(tmp_path / "b", n_seeds=3)
    assert more == "Seeds 3 are asked for now: the runs that are missing are added."
    assert "seeds 3." in notices(tmp_path / "b")[0]


def test_other_versions_and_machines_are_said(tmp_path):
    run(tmp_path / "b")
    plan = json.loads((tmp_path / "b" / "plan.json").read_text())
    plan["versions"]["torch"] = "1.0"
    plan["machine"]["processor"] = "abacus"
    (tmp_path / "b" / "plan.json").write_text(json.dumps(plan))
    warning = notices(tmp_path / "b")[-1]
    assert "torch 1.0, now" in warning
    assert "processor abacus, now" in warning


def test_units_of_another_code_are_warned_of_and_told(tmp_path):
    run(tmp_path / "b")
    path = tmp_path / "b" / "units" / "original-0.json"
    unit = json.loads(path.read_text())
    unit["ground"]["code"] = "b" * 64
    path.write_text(json.dumps(unit))
    assert "walkfast's source" in notices(tmp_path / "b")[-1]
    assert "bbbbbbbbbbbb (original 42)" in (tmp_path / "b" / "table.md").read_text()


def test_a_plan_from_before_margins_were_planned_goes_on_by_the_default(tmp_path):
    run(tmp_path / "b")
    plan = json.loads((tmp_path / "b" / "plan.json").read_text())
    for name in ("margin", "asked", "versions", "machine", "data"):
        del plan[name]
    (tmp_path / "b" / "plan.json").write_text(json.dumps(plan))
    content = run(tmp_path / "b")
    assert content["calibration"]["kind"] == "default"


def test_an_ablation_is_another_benchmark(tmp_path):
    run(tmp_path / "b")
    with pytest.raises(StoreError, match="ablation"):
        run(tmp_path / "b", of=subject(made_up.arms(ablation=True)))


def test_a_table_of_an_ablation_that_has_no_rows_any_more_is_removed(tmp_path):
    run(tmp_path / "b")
    stale = tmp_path / "b" / "ablation.csv"
    stale.write_text("old")
    run(tmp_path / "b")
    assert not stale.exists()
    assert not list((tmp_path / "b").glob("*.tmp"))


def test_arms_that_came_or_went_with_a_version_are_no_ablation(tmp_path):
    fewer = tuple(arm for arm in made_up.arms() if arm.name != "original_exact")
    run(tmp_path / "old", of=subject(fewer))
    again = Children()
    run(tmp_path / "old", again)
    assert again.jobs == []
    run(tmp_path / "new")
    with pytest.raises(StoreError, match=r"another version of walkfast \(original_exact\)"):
        run(tmp_path / "new", of=subject(fewer))


def test_a_file_or_profile_by_another_name_is_the_same(tmp_path):
    run(tmp_path / "b")
    arms = made_up.arms()
    renamed = tuple(replace(a, config=replace(a.config, data_path="moved.csv")) for a in arms)
    again = Children()
    run(tmp_path / "b", again, of=subject(renamed))
    assert again.jobs == []


def test_what_takes_longer_than_planned_is_left_out_and_said(tmp_path):
    slow = Children(pace=100_000.0, unit_s=60.0)
    content = run(tmp_path / "b", slow, minutes=3.0)
    assert 0 < content["n_left_out"] < 6
    assert len(slow.units) + content["n_left_out"] == 6
    rest = Children()
    assert run(tmp_path / "b", rest)["n_left_out"] == 0
    assert rest.units == ORDER[len(slow.units) :]


def test_a_pace_that_cannot_be_measured_ends_it_and_leaves_nothing(tmp_path):
    with pytest.raises(TrainingError, match="boom"):
        run(tmp_path / "b", Children(fails={"calibrate"}))
    assert not (tmp_path / "b").exists()


def test_too_little_time_ends_it_and_leaves_nothing(tmp_path):
    with pytest.raises(ConfigError, match="minutes are left"):
        run(tmp_path / "b", Children(pace=1.0), minutes=1.0)
    assert not (tmp_path / "b").exists()


def test_it_is_said_before_the_start_what_cannot_be_concluded(tmp_path):
    events = []
    run(tmp_path / "b", Children(pace=100.0), minutes=10.0, n_seeds=1, listener=events.append)
    planned = next(index for index, event in enumerate(events) if isinstance(event, Planned))
    assert planned < next(i for i, event in enumerate(events) if isinstance(event, UnitStarted))
    said = " ".join(events[planned].notes)
    assert "will be extrapolated" in said
    assert "no verdict" in said


def test_a_fold_of_a_single_update_is_warned_of_before_anything_is_measured(tmp_path):
    once = {
        "rules.adaptive_timesteps.mode": "off",
        "rules.adaptive_timesteps.base_timesteps": 8_192,
    }
    arms = make_arms(with_values(RunConfig(seed=42), once))
    children, jobs_when_said = Children(), {}

    def listen(event):
        if isinstance(event, Noticed):
            jobs_when_said[event.message] = len(children.jobs)

    run(tmp_path / "b", children, of=subject(arms), listener=listen)
    warning, measuring = jobs_when_said
    assert warning.startswith("optimized makes a single update in a fold: 8,192 env steps, ")
    assert "rollouts of 8,192." in warning
    assert "--total_timesteps 24,576 gives it three." in warning
    assert measuring.startswith("Measuring how fast every arm trains")
    assert set(jobs_when_said.values()) == {0}


def test_all_cores_are_tried_for_the_original_and_taken_where_they_are_faster(tmp_path):
    class Cores(Children):
        times = (2, 2)

        def __call__(self, job):
            answer = super().__call__(job)
            if job.name == "calibrate-threads":
                answer.content["speeds"] = [
                    times and {**speed, "steps_per_s": speed["steps_per_s"] * times}
                    for speed, times in zip(answer.content["speeds"], self.times, strict=True)
                ]
            return answer

    children = Cores()
    run(tmp_path / "b", children, of=replace(subject(), n_cores=4), minutes=60.0)
    threads = {job.name: job.n_threads for job in children.jobs}
    assert threads["original-0"] == threads["original_16_envs-0"] == 4
    assert threads["optimized-0"] == RunConfig().agent.n_threads
    each = Cores()
    each.times = (2, 0.5)
    run(tmp_path / "each", each, of=replace(subject(), n_cores=4), minutes=60.0)
    threads = {job.name: job.n_threads for job in each.jobs}
    assert (threads["original-0"], threads["original_16_envs-0"]) == (4, 1)
    given_up = Cores()
    given_up.times = (None, 2)
    run(tmp_path / "up", given_up, of=replace(subject(), n_cores=4), minutes=60.0)
    threads = {job.name: job.n_threads for job in given_up.jobs}
    assert (threads["original-0"], threads["original_16_envs-0"]) == (1, 4)
    trial = next(job for job in given_up.jobs if job.name == "calibrate-threads")
    assert trial.content["most_s"] == [1.5, 1.5]
    slow = Children(fails={"calibrate-threads"})
    run(tmp_path / "c", slow, of=replace(subject(), n_cores=4), minutes=60.0)
    assert {job.name: job.n_threads for job in slow.jobs}["original-0"] == 1


def test_cores_that_were_not_tried_are_told(tmp_path):
    wide = replace(subject(), n_cores=4)
    run(tmp_path / "all", of=wide, minutes=60.0)
    assert "Threads of" not in (tmp_path / "all" / "table.md").read_text()
    busy = Children()
    busy.core_frac = 0.8
    run(tmp_path / "busy", busy, of=wide, minutes=60.0)
    assert (
        "4 were not tried, because one had no core to itself"
        in (tmp_path / "busy" / "table.md").read_text()
    )
    run(tmp_path / "none", of=wide, minutes=1.2, n_seeds=1)
    page = (tmp_path / "none" / "table.md").read_text()
    assert "Threads of original: 1; 4 were not tried" in page
    content = run(tmp_path / "one", of=wide, minutes=1.34, n_seeds=1)
    assert content["planned"]["calibration"]["threads"]["original"]["why"] is None
    page = (tmp_path / "one" / "table.md").read_text()
    assert "Threads of original 16 envs: 1; the original's" in page


def test_settings_that_read_alike_and_are_not_are_refused(tmp_path):
    run(tmp_path / "b")
    plan = json.loads((tmp_path / "b" / "plan.json").read_text())
    plan["identity"]["arms"]["original"] = "0" * 64
    (tmp_path / "b" / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(StoreError, match="settings of original by another version"):
        run(tmp_path / "b")


def test_an_initial_model_is_refused():
    arms = make_arms(with_values(RunConfig(), {"initial_model": "m.zip"}))
    with pytest.raises(ConfigError, match="fresh weights"):
        check_subject(arms)


def test_the_original_itself_is_not_judged():
    with pytest.raises(ConfigError, match="with a profile"):
        check_subject(make_arms(original_config()))


def test_every_look_at_the_scores_is_written_down_and_costs_some_of_the_error(tmp_path):
    folder = tmp_path / "b"

    def widths(content):
        interval = content["against_original"]["optimized"]["quality"]["interval"]
        return interval["confidence"], [look["n_pairs"] for look in content["looks"]]

    assert widths(run(folder, n_seeds=3)) == (pytest.approx(0.95), [6])
    assert widths(run(folder, n_seeds=3)) == (pytest.approx(0.95), [6])  # nothing new to look at
    assert widths(run(folder, n_seeds=5)) == (pytest.approx(0.975), [6, 10])
    looks = json.loads((folder / "plan.json").read_text())["looks"]
    assert [look["n_seeds"] for look in looks] == [3, 5]
    page = (folder / "table.md").read_text()
    assert "Look 2 at the scores of this benchmark, 10 pairs" in page
    assert "intervals of 97.5 %" in page
    assert f"Earlier looks said: 6 pairs: {looks[0]['verdict']}." in page


def test_a_look_that_could_not_judge_the_quality_is_none(tmp_path):
    content = run(tmp_path / "b", n_seeds=1)
    assert content["looks"] == []
