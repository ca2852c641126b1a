import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from bot.live import render_summary
from bot.live.summary import final_line
from bot.wording import BEFORE_COSTS, COST_KINDS, PLANTED_MARKET
from tests.bot.calibrated import CALIBRATION_CONTENT
from training.events import RunFinished


def rendered(summary, optimization, width=100, encoding="utf-8", run_folder="results/42"):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(file=stream, width=width, color_system=None)
    console.print(render_summary(summary, optimization, run_folder=run_folder))
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.fixture
def ended(fake_events):
    (event,) = [item for item in fake_events() if isinstance(item, RunFinished)]
    return event


def test_the_summary_says_what_it_was_measured_on_and_what_was_not_measured(ended):
    text = rendered(ended.summary, ended.optimization)
    assert (
        "OUT OF SAMPLE  test slices only: 3,500 bars of 7 folds, "
        "2021-03-01 00:00 to 2021-03-08 00:00\n"
    ) in text
    assert "24,804 bars a year" in text
    assert "Speed-up  n/a: --calibrate or walkfast benchmark measures it" in text
    assert "The agent lost to buy-and-hold" in text
    assert (
        "not shown to be beaten: Sharpe ratio 0.42 (90% interval -0.90 to 1.80), one configuration "
    ) in text


def test_every_row_stands_beside_its_baselines(ended):
    lines = rendered(ended.summary, ended.optimization).splitlines()
    row = next(line for line in lines if line.startswith("Net return"))
    own = ended.summary["out_of_sample"]["total_return_frac"]
    hold = ended.summary["baselines"]["buy_and_hold"]["total_return_frac"]
    random = ended.summary["baselines"]["random"]["total_return_frac"]
    assert row.split()[2:] == [f"{own:+.2%}", "0.00%", f"{hold:+.2%}", f"{random:+.2%}"]


@pytest.mark.parametrize("width", [60, 80])
def test_what_a_file_is_stays_in_its_column(ended, width):
    lines = rendered(ended.summary, ended.optimization, width=width).splitlines()
    first = next(index for index, line in enumerate(lines) if "report.html" in line)
    name_at, told_at = lines[first].index("report.html"), lines[first].index("everything")
    for line in lines[first:]:
        if line.strip():
            begins = len(line) - len(line.lstrip())
            is_file = line.split()[0].endswith((".html", ".png", ".zip", "/"))
            assert begins == (name_at if is_file else told_at)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_figure_is_cut_and_no_line_is_too_long(ended, width):
    text = rendered(ended.summary, ended.optimization, width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "…" not in text
    assert ("Flat" in text) == (width > 60)


def test_a_narrow_table_of_rules_breaks_no_word(ended):
    lines = rendered(ended.summary, ended.optimization, width=60).splitlines()
    words = {word for line in lines for word in line.split()}
    assert {"How", "measured", "over", "folds;", "quality", "early"} - words == {"How", "measured"}
    said = " ".join(" ".join(lines).split())
    assert "adaptive timesteps: base timesteps minus the budget, summed over folds; says" in said


def test_the_summary_can_be_written_in_ascii(ended):
    assert "Net return" in rendered(ended.summary, ended.optimization, encoding="ascii")


def test_an_empty_summary_prints_dashes_and_n_a():
    text = rendered({}, {}, run_folder=None)
    assert "No rule was recorded." in text
    assert "n/a" in text


def test_values_of_wrong_kinds_print_dashes():
    text = rendered(
        {"out_of_sample": {"sharpe": "high", "n_trades": [1]}, "baselines": {"flat": 3}},
        {"rules": {"warm_start": "yes"}},
    )
    assert "warm start" in text


def test_a_measured_speed_up_is_shown_with_its_spread_and_its_ground(ended):
    content = {**ended.optimization, "calibration": CALIBRATION_CONTENT}
    text = " ".join(rendered(ended.summary, content).split())
    assert "Speed-up 112x a fold (95.5x to 130x over 5 timed updates)" in text
    assert "At its pace, 70 steps/s on 1 thread, the original needs 23m 53s for" in text
    assert "a fold here took 12.8 s on average" in text
    assert "Env steps a second: 85.2x. Timing the original took 6.2 s" in text
    assert "busy" not in text
    crowded = {**ended.optimization, "calibration": {**CALIBRATION_CONTENT, "core_frac": 0.351}}
    text = " ".join(rendered(ended.summary, crowded).split())
    assert "The machine was busy: it had 35% of a core then" in text


def test_names_cannot_carry_markup_or_escapes(ended):
    text = rendered(ended.summary, ended.optimization, run_folder="res[/]\x1b[31m")
    assert "res[/]�[31m" in text


def test_a_run_on_the_sample_says_first_that_its_market_is_synthetic(ended):
    share = "The agent earned 90% of the best policy's return."
    summary = {**ended.summary, "data": {"format": "planted market"}, "sample_verdict": share}
    lines = rendered(summary, ended.optimization, width=200).splitlines()
    assert lines[0].rstrip() == PLANTED_MARKET
    assert any(line.startswith(f"{PLANTED_MARKET} {share} The agent lost") for line in lines)
    assert "synthetic market, out of sample" in final_line(replace(ended, summary=summary))
    assert PLANTED_MARKET not in rendered(ended.summary, ended.optimization)
    assert "synthetic" not in final_line(ended)


def without_costs(summary):
    free = dict.fromkeys([*COST_KINDS, "costs"], 0.0)
    baselines = {name: item | free for name, item in summary["baselines"].items()}
    return {**summary, "out_of_sample": summary["out_of_sample"] | free, "baselines": baselines}


def test_the_table_says_what_was_charged_and_when_nothing_was(ended):
    text = rendered(ended.summary, ended.optimization)
    assert "Charged: spread, slippage, commission, swap.\nNet of costs" in text
    free = rendered(without_costs(ended.summary), ended.optimization, width=200)
    assert f"{BEFORE_COSTS}\nBefore costs" in free
    assert "percentage points before costs" in free
    assert f". {BEFORE_COSTS} " in free
    assert "et of costs" not in free


def test_buy_and_hold_is_told_with_its_sizing_and_the_bare_price(ended):
    text = rendered({**ended.summary, "price_change_frac": 0.25}, ended.optimization, width=200)
    assert "Buy & hold uses the same sizing as the agent (lots from the balance): here" in text
    assert "The price itself changed by +25.00%." in text
