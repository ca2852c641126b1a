"""What came out of a run: headline, performance, equity, folds, trades. Out of sample, all of it.

Not here: how it came about (`bot.report.record`), pictures (`bot.report.charts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bot.report.axes import LOG_AXIS
from bot.report.charts import equity_figure, folds_figure, is_drawn_as_growth, trades_figure
from bot.report.curves import fold_index
from bot.report.markup import Html, join, tag
from bot.report.pictures import inline_svg
from bot.report.read import RunFiles, nested
from bot.report.tables import figure, integer, led, section, table
from bot.wording import (
    BASELINES,
    COST_KINDS,
    METRICS,
    PLANTED_MARKET,
    UNDEFINED,
    Metric,
    annualization,
    as_number,
    charged,
    clean,
    cost_ground,
    decimal,
    duration,
    hold_sizing,
    on_planted,
    percent,
    score,
    verdict,
    whole,
)


def headline(run: RunFiles) -> Html:
    """Build the first screen: what was trained, the verdict, five figures and their ground."""
    agent, hold = _agent(run), nested(run.summary, "baselines", "buy_and_hold")
    figures = [
        _figure("Net return", percent(agent.get("total_return_frac")), "agent"),
        _figure("Buy & hold", percent(hold.get("total_return_frac")), "hold"),
        _figure("Max drawdown", percent(agent.get("max_drawdown_frac"), signed=False)),
        _figure("Sharpe, annualized", decimal(agent.get("sharpe"))),
        _figure("Trades", whole(agent.get("n_trades"))),
    ]
    sentences = verdict(
        agent, _baselines(run), planted=_is_planted(run), best_share=run.sample_verdict
    )
    line = nested(run.summary, "chance").get("line")
    return join(
        _title(run),
        tag("p", " ".join(sentences) or "This run has no summary yet.", class_="verdict"),
        tag("p", clean(line, max_length=1_000), class_="ground") if line else "",
        tag("div", *figures, class_="figures") if agent else "",
        tag("p", *led("Out of sample.", measured_on(run)), class_="ground"),
    )


def measured_on(run: RunFiles) -> str:
    """Say which bars the figures were measured on."""
    n_bars = whole(_agent(run).get("n_bars"))
    times = [nested(fold, "times") for fold in run.folds]
    span, folds = "", "fold" if len(run.folds) == 1 else "folds"
    if times:
        span = f", {day(times[0].get('test_start'))} to {day(times[-1].get('test_stop'))}"
    return (
        f"Measured on the test slices only: {n_bars} bars of {len(run.folds)} {folds}{span}. "
        f"No model was trained or chosen on the bars it is tested on. {_charged(run)}"
    ).strip()


def performance_section(run: RunFiles) -> Html:
    """Build the table of every measure, beside the baselines."""
    columns = [_agent(run), *_baselines(run).values()]
    hold = _baselines(run).get("buy_and_hold", {})
    names = ["Agent", *(BASELINES[name] for name in _baselines(run))]
    rows = [
        [_unit_label(metric), *(_bare(metric, column) for column in columns)] for metric in METRICS
    ]
    return section(
        "Performance",
        table(
            [f"Out of sample, {cost_ground(columns)}", *names], rows, kinds="t" + "n" * len(names)
        ),
        tag("p", _charged(run), class_="note"),
        tag("p", hold_sizing(hold, run.summary.get("price_change_frac")), class_="note"),
        tag("p", annualization(_agent(run)), class_="note"),
    )


def equity_section(run: RunFiles) -> Html:
    """Build the picture of equity and drawdown."""
    equity = run.equity
    if equity is None:
        return Html()
    picture = inline_svg(
        lambda palette: equity_figure(equity, palette),
        says="Return of the agent and the baselines over the test slices, and the drawdown",
    )
    caption = (
        "Test slices one after another, compounded. Dotted lines are fold boundaries: a new model "
        "takes over there. Below, how far the agent is under its highest equity so far."
    )
    if is_drawn_as_growth(equity):
        caption += f" {LOG_AXIS}"
    return section("Equity", figure(picture, caption))


def folds_section(run: RunFiles) -> Html:
    """Build the picture and the table of test returns by fold."""
    if not run.folds:
        return Html()
    headings = ["Fold", "Test from", "Agent %", "Buy & hold %", "Random %", "Trades", "Max DD %"]
    headings += ["Validation", "Tested", "Started", "Steps", "Time"]
    rows = [_fold_row(fold) for fold in run.folds]
    return section(
        "Folds",
        _folds_picture(run),
        table(headings, rows, kinds="ttnnnnnnttnn"),
        tag("p", "Steps with a star: stopped early, before the budget was used up.", class_="note"),
    )


def _folds_picture(run: RunFiles) -> Html:
    pairs = {
        fold_index(fold): (own, other)
        for fold in run.folds
        if (own := as_number(nested(fold, "test").get("total_return_frac"))) is not None
        and (other := as_number(_hold(fold).get("total_return_frac"))) is not None
    }
    if not pairs:
        return Html()
    agent, hold = [own for own, _ in pairs.values()], [other for _, other in pairs.values()]
    picture = inline_svg(
        lambda palette: folds_figure(list(pairs), agent, hold, palette),
        says="Test return of each fold, agent and buy-and-hold",
    )
    n_ahead = sum(own > other for own, other in pairs.values())
    return figure(
        picture, f"The agent ended {n_ahead} of {len(pairs)} folds ahead of buy-and-hold."
    )


def trades_section(run: RunFiles) -> Html:
    """Build the ledger's statistics: profits by trade, by side, and costs by kind."""
    ledger = run.ledger
    if ledger is None:
        return Html()
    if ledger.empty:
        return section("Trades", tag("p", "The agent made no trades on the test bars."))
    net = ledger["net"].to_numpy()
    picture = inline_svg(
        lambda palette: trades_figure(net, palette), says="Histogram of net profit by trade"
    )
    return section(
        "Trades",
        figure(picture, "The lowest and the highest hundredth of trades share the outermost bars."),
        tag("div", _sides(ledger), _costs(ledger), class_="columns"),
    )


def day(time: object) -> str:
    """Write an ISO time to the minute."""
    return clean(time)[:16].replace("T", " ") if isinstance(time, str) else UNDEFINED


def _title(run: RunFiles) -> Html:
    data = nested(run.config, "data")
    symbol = f"{data.get('symbol', 'unknown symbol')} {data.get('timeframe', '')}"
    method = run.summary.get("training_method", nested(run.config, "config").get("method", ""))
    parts = [
        f"run {run.name}",
        f"{method} training",
        f"profile {run.summary.get('profile', UNDEFINED)}",
        f"seed {run.summary.get('seed', UNDEFINED)}",
        day(run.summary.get("completion_time")) + " UTC",
    ]
    warning = tag("p", tag("strong", PLANTED_MARKET)) if _is_planted(run) else ""
    told = tag("p", "Walk-forward report: " + ", ".join(parts))
    return tag("header", warning, tag("h1", symbol), told)


def _figure(name: str, value: str, series: str = "ink") -> Html:
    return tag("div", tag("span", name), tag("b", value), class_=f"figure {series}")


def _unit_label(metric: Metric) -> str:
    return f"{metric.label}, %" if metric.kind in ("percent", "share") else metric.label


def _bare(metric: Metric, performance: Mapping[str, Any]) -> Html | str:
    """Write a measure without its unit, so that decimal points line up."""
    written = metric.read(performance).removesuffix("%")
    is_whole = metric.kind == "count" or written == UNDEFINED
    return integer(written) if is_whole else written


def _fold_row(fold: Mapping[str, Any]) -> list[object]:
    times, test, outcome = nested(fold, "times"), nested(fold, "test"), nested(fold, "outcome")
    start = outcome.get("warm_started_from")
    random = nested(fold, "baselines", "random")
    return [
        fold_index(fold),
        day(times.get("test_start"))[:10],
        percent(test.get("total_return_frac")).removesuffix("%"),
        percent(_hold(fold).get("total_return_frac")).removesuffix("%"),
        percent(random.get("total_return_frac")).removesuffix("%"),
        whole(test.get("n_trades")),
        percent(test.get("max_drawdown_frac"), signed=False).removesuffix("%"),
        score(fold.get("validation_score")),
        fold.get("chosen", UNDEFINED),
        "fresh" if start is None else f"fold {start}",
        whole(outcome.get("steps_trained"))
        + ("*" if outcome.get("stopped_early") is True else "\N{FIGURE SPACE}"),
        duration(fold.get("duration_s")),
    ]


def _sides(ledger: pd.DataFrame) -> Html:
    sides = {"Long": ledger[ledger["direction"] > 0], "Short": ledger[ledger["direction"] < 0]}
    rows = [_side_row(name, trades) for name, trades in {**sides, "All": ledger}.items()]
    headings = ["Side", "Trades", "Won %", "Net", "Mean", "Median"]
    return tag("div", tag("h3", "Long and short"), table(headings, rows, kinds="tnnnnn"))


def _side_row(name: str, trades: pd.DataFrame) -> list[object]:
    net = trades["net"]
    if net.empty:
        return [name, "0", UNDEFINED, decimal(0.0), UNDEFINED, UNDEFINED]
    won = percent(float((net > 0).mean()), signed=False).removesuffix("%")
    money = [decimal(float(value)) for value in (net.sum(), net.mean(), net.median())]
    return [name, whole(len(net)), won, *money]


def _costs(ledger: pd.DataFrame) -> Html:
    kinds = [kind for kind in COST_KINDS if kind in ledger]
    total = sum(float(ledger[kind].sum()) for kind in kinds)
    rows = [_cost_row(COST_KINDS[kind], float(ledger[kind].sum()), total) for kind in kinds]
    rows.append(_cost_row("All costs", total, total))
    gross = float(ledger["gross"].sum()) if "gross" in ledger else 0.0
    note = ""
    if gross > 0:
        note = f"Costs took {percent(total / gross, 1, signed=False)} of the gross profit."
    return tag(
        "div",
        tag("h3", "Costs by kind"),
        table(["Cost", "Paid", "Share %"], rows, kinds="tnn"),
        tag("p", note, class_="note"),
    )


def _cost_row(name: str, paid: float, total: float) -> list[object]:
    share = percent(paid / total, 1, signed=False).removesuffix("%") if total else UNDEFINED
    return [name, decimal(paid), share]


def _charged(run: RunFiles) -> str:
    market = nested(run.config, "config", "env", "market")
    return charged([_agent(run), *_baselines(run).values()], market)


def _is_planted(run: RunFiles) -> bool:
    """Say whether a run was on the embedded sample: by its bars, or as no file was named."""
    config = nested(run.config, "config")
    if "data_path" in config and config["data_path"] is None:
        return True
    return on_planted(nested(run.config, "data")) or on_planted(nested(run.summary, "data"))


def _agent(run: RunFiles) -> Mapping[str, Any]:
    return nested(run.summary, "out_of_sample")


def _baselines(run: RunFiles) -> dict[str, Mapping[str, Any]]:
    baselines = nested(run.summary, "baselines")
    return {name: nested(baselines, name) for name in BASELINES if name in baselines}


def _hold(fold: Mapping[str, Any]) -> Mapping[str, Any]:
    return nested(fold, "baselines", "buy_and_hold")
