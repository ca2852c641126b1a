import json
from dataclasses import replace

import pandas as pd
import pytest

from bot.report.read import read_run
from bot.report.results import day, headline, performance_section, trades_section
from bot.wording import BEFORE_COSTS, COST_KINDS, PLANTED_MARKET, UNDEFINED


@pytest.fixture
def run(fake_run):
    return read_run(fake_run(n_folds=1, n_trades=2))


def ledger(directions, net, cost):
    return pd.DataFrame(
        {
            "direction": directions,
            "gross": [value + cost for value in net],
            "spread_cost": cost,
            "commission": 0.0,
            "net": net,
        }
    )


def cells(html):
    plain = html.replace("</tr>", "\n").replace("</td>", "|")
    return [
        "".join(part.split(">")[-1] for part in line.split("<"))
        for line in plain.splitlines()
        if "<td" in line
    ]


def test_trades_are_summed_by_side_and_costs_by_kind(run):
    section = trades_section(replace(run, ledger=ledger([1, 1, -1], [10.0, -4.0, 6.0], cost=1.0)))
    tables = "".join(section.split("<h3>")[1:])
    assert cells(tables) == [
        "Long|2|50.00|6.00|3.00|3.00|",
        "Short|1|100.00|6.00|6.00|6.00|",
        "All|3|66.67|12.00|4.00|6.00|",
        "Spread|3.00|100.0|",
        "Commission|0.00|0.0|",
        "All costs|3.00|100.0|",
    ]
    assert "Costs took 20.0% of the gross profit." in section


def test_a_side_without_trades_has_no_averages(run):
    section = trades_section(replace(run, ledger=ledger([1], [-4.0], cost=0.0)))
    assert f"Short|0|{UNDEFINED}|0.00|{UNDEFINED}|{UNDEFINED}|" in cells(section)
    assert "Costs took" not in section


def test_a_time_is_written_to_the_minute_and_anything_else_as_a_dash():
    assert day("2021-03-01T09:30:00+00:00") == "2021-03-01 09:30"
    assert day(None) == day(5) == "-"


def test_the_headline_says_whether_the_run_beats_chance(run):
    assert "Nothing here is shown to beat chance: this run was made up." in headline(run)
    older = {name: value for name, value in run.summary.items() if name != "chance"}
    assert "beat chance" not in headline(replace(run, summary=older))


@pytest.mark.parametrize(
    "config",
    [{"config": {"data_path": None}}, {"data": {"format": "planted market"}}],
)
def test_a_report_of_the_sample_begins_with_its_market_being_synthetic(run, config):
    top = headline(replace(run, config=config, sample_verdict="It earned 90% of the best."))
    assert top.startswith(f"<header><p><strong>{PLANTED_MARKET}</strong></p><h1>")
    assert f'class="verdict">{PLANTED_MARKET} It earned 90% of the best. The agent' in top
    assert PLANTED_MARKET not in headline(run)
    assert "bars of 1 fold, " in headline(run)


def test_the_share_of_the_best_policy_is_read_from_the_run(fake_run):
    folder = fake_run(n_folds=1)
    assert read_run(folder).sample_verdict is None
    path = folder / "sample_verdict.json"
    for says, read in (("It earned 90%.", "It earned 90%."), (7, None)):
        path.write_text(json.dumps({"format_version": 1, "says": says}))
        assert read_run(folder).sample_verdict == read


def test_a_report_names_the_costs_that_were_charged(run):
    config = {"config": {"env": {"market": {"spread_points": None}}}}
    told = "Charged: spread (from the bars), slippage, commission, swap."
    assert told in headline(replace(run, config=config))
    assert told in performance_section(replace(run, config=config))


def test_a_report_without_costs_says_so_in_verdict_table_and_ground(run):
    free = dict.fromkeys([*COST_KINDS, "costs"], 0.0)
    agent = run.summary["out_of_sample"] | free
    baselines = {name: item | free for name, item in run.summary["baselines"].items()}
    costless = replace(run, summary={"out_of_sample": agent, "baselines": baselines})
    assert headline(costless).count(BEFORE_COSTS) == 2
    section = performance_section(costless)
    assert "Out of sample, before costs" in section
    assert "et of" not in headline(costless) + section


def test_a_report_tells_the_sizing_of_buy_and_hold_and_the_bare_price(run):
    section = performance_section(replace(run, summary={**run.summary, "price_change_frac": 0.25}))
    assert "same sizing as the agent (lots from the balance): here on average" in section
    assert "The price itself changed by +25.00%." in section
