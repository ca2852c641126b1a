import math

import pytest

from bot import wording
from bot.wording import (
    METRICS,
    chance_in_short,
    clean,
    decided_value,
    duration,
    percent,
    verdict,
)
from training.metrics import Performance


def test_a_name_loses_escape_bidi_and_line_breaks_but_keeps_its_letters():
    assert clean("a\x1b[31mb\u202ec\n d\x00é") == "a�[31mb�c d�é"


def test_a_long_name_ends_in_an_ellipsis_at_the_given_length():
    assert clean("x" * 50, max_length=10) == "x" * 9 + "…"
    assert clean("x" * 10, max_length=10) == "x" * 10


@pytest.mark.parametrize(
    ("frac", "written"),
    [
        (0.0125, "+1.25%"),
        (-0.5, "-50.00%"),
        (0.0, "0.00%"),
        (-0.00001, "0.00%"),
        (12.0, "+1,200.00%"),
    ],
)
def test_a_fraction_reads_as_percent_with_its_sign(frac, written):
    assert percent(frac) == written


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "5", True, [1]])
def test_what_is_no_finite_number_reads_as_a_dash(value):
    assert percent(value) == wording.decimal(value) == wording.whole(value) == "-"
    assert wording.compact(value) == wording.score(value) == "-"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.4, "0.40 s"),
        (12.34, "12.3 s"),
        (59.96, "1m 00s"),
        (65, "1m 05s"),
        (3599.6, "1h 00m"),
        (11_220, "3h 07m"),
        (None, "n/a"),
    ],
)
def test_a_duration_reads_in_its_own_unit(seconds, written):
    assert duration(seconds) == written


def test_bytes_read_in_binary_units_and_unmeasured_ones_say_so():
    assert wording.size(700 * 2**20) == "700.0 MiB"
    assert wording.size(3 * 2**30) == "3.00 GiB"
    assert wording.size(None) == "n/a"


@pytest.mark.parametrize(
    ("rule", "value", "written"),
    [
        ("warm_start", None, "fresh"),
        ("warm_start", 0, "from fold 0"),
        ("warm_start", True, "keep trained"),
        ("warm_start", False, "keep incumbent"),
        ("adaptive_timesteps", 4000, "4,000 steps"),
        ("evaluation_schedule", 2000, "2,000"),
        ("early_stopping", True, "yes"),
        ("early_stopping", False, "no"),
        ("phase_schedule", None, "none"),
        ("phase_schedule", 0.125, "0.125"),
        ("phase_schedule", "cos\x1bine", "cos�ine"),
    ],
)
def test_a_decision_reads_in_the_words_of_its_rule(rule, value, written):
    assert decided_value(rule, value) == written


def test_every_metric_is_a_field_of_performance():
    assert {metric.key for metric in METRICS} <= set(Performance.__dataclass_fields__)


def test_metrics_read_with_their_units():
    values = {"total_return_frac": 0.1, "win_rate_frac": 0.5, "n_trades": 1200, "sharpe": 1.234}
    read = {metric.key: metric.read(values) for metric in METRICS}
    assert read["total_return_frac"] == "+10.00%"
    assert read["win_rate_frac"] == "50.00%"
    assert read["n_trades"] == "1,200"
    assert read["sharpe"] == "1.23"
    assert read["calmar"] == "-"


def test_the_annualization_is_stated_and_nothing_is_said_without_it():
    assert "24,804 bars a year" in wording.annualization({"bars_per_year": 24_804.2})
    assert wording.annualization({"bars_per_year": None}) == ""


def performance(frac, n_trades=10):
    return {"total_return_frac": frac, "n_trades": n_trades}


def test_the_verdict_says_who_lost_and_by_how_much_in_the_figures_it_prints():
    told = verdict(performance(0.1240), {"buy_and_hold": performance(0.25577)})
    assert told[0] == (
        "The agent lost to buy-and-hold by 13.18 percentage points net of costs "
        "(+12.40% against +25.58%)."
    )
    assert "luck is not ruled out" in told[-1]


def test_the_verdict_on_a_winner_that_lost_money_says_both():
    told = verdict(performance(-0.02), {"buy_and_hold": performance(-0.05)})
    assert "beat buy-and-hold by 3.00 percentage points" in told[0]
    assert "still lost money" in told[0]


def test_the_verdict_on_a_loser_does_not_say_still():
    assert "still" not in verdict(performance(-0.05), {"buy_and_hold": performance(-0.02)})[0]


def test_the_verdict_on_no_trades_says_flat():
    told = verdict(performance(0.0, n_trades=0), {"buy_and_hold": performance(0.02)})
    assert told[0] == (
        "The agent made no trades on the test bars, so it is scored as flat. "
        "Buy-and-hold made +2.00%."
    )


def test_the_verdict_mentions_a_random_agent_only_when_it_was_better():
    worse = verdict(performance(-0.05), {"random": performance(-0.01)})
    better = verdict(performance(0.05), {"random": performance(-0.01)})
    assert worse[1] == "It did worse than acting at random (-1.00%)."
    assert not any("random" in sentence for sentence in better)


def test_the_verdict_on_equal_returns_claims_no_winner():
    told = verdict(performance(0.02), {"buy_and_hold": performance(0.020001)})
    assert told[0] == "The agent and buy-and-hold both made +2.00% net of costs."


def test_there_is_no_verdict_without_a_return():
    assert verdict({}, {}) == []


def test_the_verdict_on_a_planted_market_says_so_first_and_then_the_share_of_the_best():
    told = verdict(performance(18.25), {}, planted=True, best_share="It earned 90% of the best.")
    assert told[:2] == [wording.PLANTED_MARKET, "It earned 90% of the best."]
    assert told[2].startswith("The agent made +1,825.00%")


@pytest.mark.parametrize(
    ("data", "planted"),
    [({"format": "planted market"}, True), ({"format": "plain"}, False), ({}, False), (3, False)],
)
def test_the_sample_is_known_by_the_format_of_its_bars(data, planted):
    assert wording.on_planted(data) is planted


def priced(n_trades=10, **costs):
    return dict.fromkeys(wording.COST_KINDS, 0.0) | costs | {"n_trades": n_trades}


def test_only_what_was_charged_is_said_to_be():
    performances = [priced(spread_cost=4.0), priced(swap=-0.5)]
    told = "Charged: spread, swap. Not charged: slippage, commission."
    assert wording.charged(performances) == told
    assert wording.cost_ground(performances) == "net of costs"
    every = dict.fromkeys(wording.COST_KINDS, 1.0)
    assert wording.charged([priced(**every)]) == "Charged: spread, slippage, commission, swap."


@pytest.mark.parametrize(("spread_points", "source"), [(None, "from the bars"), (3.0, "as set")])
def test_settings_say_where_the_spread_is_from(spread_points, source):
    told = wording.charged([priced(spread_cost=4.0)], {"spread_points": spread_points})
    assert told.startswith(f"Charged: spread ({source}). Not charged: slippage")


def test_trades_that_cost_nothing_are_before_costs():
    free = [priced(), priced(n_trades=0, spread_cost=4.0)]
    assert wording.charged(free) == wording.BEFORE_COSTS
    assert wording.cost_ground(free) == "before costs"
    told = verdict(performance(0.02) | priced(), {"buy_and_hold": performance(0.01) | priced()})
    assert "beat buy-and-hold by 1.00 percentage points before costs" in told[0]
    assert told[1] == wording.BEFORE_COSTS


@pytest.mark.parametrize("unknown", [[], [{}], [priced(n_trades=0)], [{"n_trades": 3}]])
def test_without_trades_or_their_costs_nothing_is_said_of_them(unknown):
    assert wording.charged(unknown) == ""
    assert wording.cost_ground(unknown) == "net of costs"


def test_the_size_of_buy_and_hold_is_value_held_over_the_account():
    # Two positions of 3 accounts, bought and sold in half a year: 12 accounts, 24 a year.
    told = wording.hold_sizing({"turnover": 24.0, "years": 0.5, "n_trades": 2}, 0.6)
    assert told == (
        "Buy & hold uses the same sizing as the agent (lots from the balance): here on average "
        "3.00 times the account. The price itself changed by +60.00%."
    )


def test_a_size_that_is_not_known_is_not_told():
    told = wording.hold_sizing({"turnover": None, "years": 0.01, "n_trades": 1})
    assert told == "Buy & hold uses the same sizing as the agent (lots from the balance)."
    assert wording.hold_sizing({}) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        ({"saved": 1, "unit": "builds"}, "1 build"),
        ({"saved": 2, "unit": "builds"}, "2 builds"),
        ({"saved": 36_864, "unit": "steps"}, "36,864 steps"),
        ({"saved": 3.0, "unit": "seconds"}, "3.0 s"),
        ({"saved": None, "unit": "steps"}, "n/a"),
    ],
)
def test_what_a_rule_saved_is_told_with_its_unit(count, text):
    assert wording.saved_text(count) == text


@pytest.mark.parametrize(
    ("chance", "says"),
    [
        ({}, "n/a"),
        ({"beats_chance": None}, "open, one configuration counted"),
        ({"beats_chance": ["odd"], "sharpe": 3}, "open, one configuration counted"),
        (
            {
                "beats_chance": False,
                "against": {
                    "flat": {"return_difference": {"interval": {"low": 0.1}}},
                    "buy_and_hold": {"return_difference": {"interval": {"low": -0.1}}},
                    "random": {"return_difference": {"interval": None}},
                },
            },
            "not shown to be beaten (not against buy-and-hold and random), "
            "one configuration counted",
        ),
        ({"beats_chance": None, "against": {"flat": 3}}, "open, one configuration counted"),
        (
            {"beats_chance": True, "sharpe": {"value": 3.125, "interval": None}},
            "beaten: Sharpe ratio 3.12, one configuration counted",
        ),
        (
            {
                "beats_chance": False,
                "sharpe": {"value": 0.5, "interval": {"low": -1, "high": 2, "confidence": 0.9}},
            },
            "not shown to be beaten: Sharpe ratio 0.50 (90% interval -1.00 to 2.00), "
            "one configuration counted",
        ),
    ],
)
def test_chance_is_told_in_short(chance, says):
    assert chance_in_short(chance) == says
