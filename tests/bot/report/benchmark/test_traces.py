import numpy as np
import pytest

from bot.report.benchmark.read import benchmark_of
from bot.report.benchmark.trace_charts import accounts_figure, traces_figure
from bot.report.benchmark.traces import FoldTraces, Trace, accounts, validation_traces
from bot.report.palette import LIGHT

NIGHT, NEXT, LAST = "2021-01-01T00:00:00+00:00", "2021-01-02T00:00:00+00:00", "2021-01-03"


def unit(arm, seed, *, curve=(), equity=None, fold_index=0):
    fold = {"fold_index": fold_index, "validation_curve": list(curve)}
    return {"arm": arm, "seed": seed, "status": "done", "folds": [fold], "equity": equity}


def point(wall_s, score):
    return {"n_steps": 1, "wall_s": wall_s, "score": score}


def equity(*agent, **changes):
    return {
        "time": [NIGHT, NEXT, LAST][: len(agent)],
        "fold_index": [0, 0, 1][: len(agent)],
        "agent": list(agent),
        "buy_and_hold": [100.0] * len(agent),
        "random": [100.0] * len(agent),
        **changes,
    }


def benchmark(*units, **content):
    arms = dict.fromkeys(unit["arm"] for unit in units)
    return benchmark_of("42", {"arms": {arm: {} for arm in arms}, "units": list(units), **content})


def test_curves_are_collected_by_fold_with_the_target_and_where_it_was_reached():
    rows = [
        {"fold_index": 0, "seed": 1, "target": 0.5, "original_wall_s": 90.0, "wall_s": 4.0},
        {"fold_index": 0, "seed": 2, "target": 0.6, "original_wall_s": 80.0, "wall_s": None},
    ]
    (fold,) = validation_traces(
        benchmark(
            unit("original", 1, curve=[point(50, 0.2), point(100, 0.5)]),
            unit("optimized", 1, curve=[point(4, 0.55)]),
            unit("optimized", 2, curve=[point(5, 0.1)]),
            time_to_quality={"optimized": {"rows": rows}},
        )
    )
    assert fold.targets == (0.5,)
    assert [trace.reached for trace in fold.traces] == [(90.0, 0.5), (4.0, 0.5), None]
    assert fold.traces[0].wall_s == (50.0, 100.0)


@pytest.mark.parametrize(
    "curve", [[], [point(None, 0.1)], [point(0, 0.1)], [point(1, None)], ["x"], [{"score": 0.1}]]
)
def test_points_that_cannot_be_drawn_leave_no_curve(curve):
    assert validation_traces(benchmark(unit("optimized", 1, curve=curve))) == []


def test_a_picture_of_one_point_and_one_of_negative_scores():
    single = Trace(arm="optimized", seed=1.0, wall_s=(3.0,), scores=(-0.5,))
    stranger = Trace(arm="plus_engine", seed=1.0, wall_s=(1.0, 2.0), scores=(-9.0, -8.0))
    fold = FoldTraces(fold_index=7, traces=(single, stranger), targets=())
    figure = traces_figure([fold] * 4, {"original": 1_500.0}, LIGHT)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 4
    assert {axes.get_xlim() for axes in shown} == {shown[0].get_xlim()}
    assert shown[0].get_xlim()[1] > 1_500
    assert shown[0].get_title(loc="left") == "fold 7"
    assert shown[0].get_ylim()[0] < -9
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["optimized", "other arms", "a fold's end, extrapolated"]


def test_the_middle_seed_is_drawn_in_the_band_of_all():
    arms = benchmark(
        unit("optimized", 1, equity=equity(100.0, 50.0, 90.0)),
        unit("optimized", 2, equity=equity(200.0, 400.0, 600.0)),
        unit("optimized", 3, equity=equity(100.0, 120.0, 150.0)),
    ).arms
    ours, hold, random = accounts(arms)
    assert (ours.name, hold.name, random.name) == ("optimized", "buy_and_hold", "random")
    assert ours.growth.tolist() == pytest.approx([1.0, 1.2, 1.5])
    assert ours.low.tolist() == pytest.approx([1.0, 0.5, 0.9])
    assert ours.high.tolist() == pytest.approx([1.0, 2.0, 3.0])
    assert (ours.n_seeds, hold.n_seeds) == (3, 1)
    assert ours.boundaries.tolist() == [1]


def test_the_random_baseline_is_that_of_the_judged_arm():
    """It acts by the arm's own actions: orders are rarer than targets."""
    calm, wild = equity(100.0, 100.0), equity(100.0, 100.0, random=[100.0, 50.0])
    drawn = accounts(
        benchmark(unit("original", 1, equity=calm), unit("optimized", 1, equity=wild)).arms
    )
    assert [account.name for account in drawn] == [
        "original",
        "optimized",
        "buy_and_hold",
        "random",
    ]
    assert drawn[-1].growth[-1] == 0.5


def test_seeds_thinned_to_other_times_are_put_on_those_of_the_middle_one():
    shorter = equity(100.0, 400.0)
    shorter["time"] = [NIGHT, LAST]
    ours, *_ = accounts(
        benchmark(
            unit("optimized", 1, equity=equity(100.0, 100.0, 100.0)),
            unit("optimized", 2, equity=shorter),
        ).arms
    )
    assert ours.high.tolist() == pytest.approx([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        "x",
        equity(100.0),
        equity(0.0, 1.0, 2.0),
        equity(100.0, 110.0, agent=[100.0]),
        equity(100.0, 110.0, time=["never", "x"]),
        equity(100.0, None),
    ],
)
def test_accounts_that_cannot_be_drawn_are_left_out(broken):
    assert accounts(benchmark(unit("optimized", 1, equity=broken)).arms) == []


def test_a_ruined_account_and_a_baseline_of_nothing_are_drawn_on_a_logarithmic_axis():
    path = equity(100.0, 1_000.0, -5.0, buy_and_hold=[0.0, 1.0, 2.0])
    drawn = accounts(benchmark(unit("optimized", 1, equity=path)).arms)
    assert [account.name for account in drawn] == ["optimized", "random"]
    (axes,) = accounts_figure(drawn, LIGHT).axes
    assert axes.get_yscale() == "log"
    assert drawn[0].growth.min() == 0.001
    assert axes.get_legend().get_texts()[0].get_text() == "optimized -99.9%"


def test_accounts_that_never_move_have_an_axis_too():
    flat = equity(100.0, 100.0, 100.0)
    (axes,) = accounts_figure(
        accounts(benchmark(unit("original", 1, equity=flat)).arms), LIGHT
    ).axes
    low, high = axes.get_ylim()
    assert low < 1 < high
    assert np.isfinite(axes.get_yticks()).all()
