"""Trades and equity as tables: what a fold's test leaves behind, and its stitching over folds.

The tables are the record: the stitched performance is measured from what was written, so that a
run that went on after an interruption ends with the same figures. Baselines look at no feature and
cost little, so they are walked again where a run goes on. Not here: the measures themselves
(`training.metrics`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from envs.market import Ledger, Tape
from training.evaluate import Baselines, Evaluation
from training.folds import Range
from training.metrics import (
    EquityPath,
    Performance,
    Trades,
    annualized_return,
    annualizing_bars,
    performance,
    returns_of,
    stitch,
)
from training.seeds import generator
from training.significance.chance import Track, judge_chance
from training.store import EQUITY_FILE, LEDGER_FILE, RunStore, fold_name
from training.summary import FoldRecord

AGENT = "agent"
FLAT, BUY_AND_HOLD, RANDOM = "flat", "buy_and_hold", "random"


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Performance of a model and of `flat`, `buy_and_hold` and `random` on the same bars."""

    agent: Performance
    baselines: Mapping[str, Performance]


@dataclass(frozen=True, kw_only=True)
class Stitched:
    """The test slices of a run put together.

    Attributes:
        measures: Performance over all of them, compounding.
        equity: `time, bar_index, fold_index, agent, buy_and_hold, random`, one row a bar.
        ledger: The agent's trades of all folds; each fold began with the initial balance, and
            `account_scale` is what compounding makes of it.
    """

    measures: Measures
    equity: pd.DataFrame
    ledger: pd.DataFrame


def measure_test(tape: Tape, tested: Evaluation, others: Baselines) -> Measures:
    """Measure the walks over one test slice."""
    paths = _baseline_paths(tape, others)
    return Measures(
        agent=performance(_path(tape, tested)),
        baselines={name: averaged([performance(path) for path in paths[name]]) for name in paths},
    )


def write_test_tables(
    store: RunStore, tape: Tape, fold_index: int, *, tested: Evaluation, others: Baselines
) -> None:
    """Write a fold's trades and equity; floats keep every digit."""
    store.write_table(fold_name(fold_index, LEDGER_FILE), trades_table(tape, tested))
    store.write_table(fold_name(fold_index, EQUITY_FILE), equity_table(tape, tested, others))


def trades_table(tape: Tape, tested: Evaluation) -> pd.DataFrame:
    """Return the columns of the ledger, with the times of entry and exit."""
    ledger = tested.ledger
    table = pd.DataFrame({field.name: getattr(ledger, field.name) for field in fields(Ledger)})
    table["entry_time"] = iso_times(tape.time_us[ledger.entry_bar])
    table["exit_time"] = iso_times(tape.time_us[ledger.exit_bar])
    return table


def read_ledger(table: pd.DataFrame) -> Ledger:
    """Read back the ledger of a `trades_table`."""
    return Ledger(**{field.name: table[field.name].to_numpy() for field in fields(Ledger)})


def equity_table(tape: Tape, tested: Evaluation, others: Baselines) -> pd.DataFrame:
    """Return `time, bar_index, agent, buy_and_hold, random`: equity at the close of each bar."""
    window = tested.window
    return pd.DataFrame(
        {
            "time": iso_times(_times(tape, window)),
            "bar_index": np.arange(window.start, window.stop + 1),
            AGENT: tested.window_equity,
            BUY_AND_HOLD: others.buy_and_hold.window_equity,
            RANDOM: others.random_equity,
        }
    )


def stitch_tests(
    store: RunStore,
    tape: Tape,
    records: Sequence[FoldRecord],
    *,
    others: Sequence[Baselines],
) -> Stitched:
    """Put all test slices together as one account that compounds over them.

    Args:
        store: Where the tables of the folds lie.
        tape: The market.
        records: The finished folds, in order.
        others: The baselines of each fold.
    """
    tables = [pd.read_csv(store.fold_path(r.fold.index, EQUITY_FILE)) for r in records]
    ledgers = [pd.read_csv(store.fold_path(r.fold.index, LEDGER_FILE)) for r in records]
    agents = [
        EquityPath(
            equity=table[AGENT].to_numpy(np.float64),
            time_us=_times(tape, record.fold.test),
            trades=_trades(read_ledger(ledger), tape),
        )
        for record, table, ledger in zip(records, tables, ledgers, strict=True)
    ]
    paths = [_baseline_paths(tape, item) for item in others]
    stitched_others = {
        name: [stitch(draw) for draw in zip(*(item[name] for item in paths), strict=True)]
        for name in paths[0]
    }
    agent = stitch(agents)
    measures = Measures(
        agent=performance(agent),
        baselines={
            name: averaged([performance(path) for path in draws])
            for name, draws in stitched_others.items()
        },
    )
    equity = _stitched_equity(records, agent, stitched_others)
    return Stitched(
        measures=measures, equity=equity, ledger=_stitched_ledger(records, ledgers, equity)
    )


def returns_track(equities: Sequence[pd.DataFrame]) -> Track:
    """Return the returns of stitched runs over the same test bars, beside their baselines.

    Args:
        equities: `Stitched.equity` of each run, at least one; random agents are averaged over runs.
    """
    first = equities[0]
    time_us = pd.to_datetime(first["time"]).to_numpy("datetime64[us]").astype(np.int64)
    returns = {
        name: np.column_stack([returns_of(table[name].to_numpy(np.float64)) for table in equities])
        for name in (AGENT, BUY_AND_HOLD, RANDOM)
    }
    return Track(
        returns=returns[AGENT],
        baselines={name: returns[name].mean(axis=1) for name in (BUY_AND_HOLD, RANDOM)},
        fold_index=first["fold_index"].to_numpy(np.int64)[1:],
        bars_per_year=annualizing_bars(time_us),
    )


def chance_of_run(equity: pd.DataFrame, *, seed: int) -> dict[str, object]:
    """Judge whether the stitched equity of one run beats chance; it counts as one trial."""
    rng = generator(seed, "chance")
    return judge_chance(returns_track([equity]), n_trials=1, rng=rng).to_json()


def averaged(performances: Sequence[Performance]) -> Performance:
    """Average measures over draws; a measure that one draw lacks is None. One is itself.

    The annualized return and the Calmar ratio follow from the averages: a mean of growths that
    compound over a year would be the luckiest draw's.
    """
    if len(performances) == 1:
        return performances[0]
    means: dict[str, Any] = {}
    for field in fields(Performance):
        each = [getattr(item, field.name) for item in performances]
        means[field.name] = None if None in each else float(np.mean(each))
    for name in ("n_bars", "n_trades", "max_drawdown_bars"):
        means[name] = round(means[name])
    if means["annualized_return_frac"] is not None:
        ends = np.array([means["initial_equity"], means["final_equity"]])
        means["annualized_return_frac"] = yearly = annualized_return(ends, means["years"])
        fall = means["max_drawdown_frac"]
        means["calmar"] = None if yearly is None or fall <= 0 else yearly / fall
    return Performance(**means)


def iso_times(time_us: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return microseconds since 1970 as ISO 8601 text, UTC."""
    texts: NDArray[np.str_] = np.datetime_as_string(time_us.view("datetime64[us]"), unit="s")
    return np.strings.add(texts, "+00:00")


def _baseline_paths(tape: Tape, others: Baselines) -> dict[str, list[EquityPath]]:
    groups = {FLAT: [others.flat], BUY_AND_HOLD: [others.buy_and_hold], RANDOM: [*others.random]}
    return {
        name: [_path(tape, evaluation) for evaluation in group] for name, group in groups.items()
    }


def _path(tape: Tape, evaluation: Evaluation) -> EquityPath:
    return EquityPath(
        equity=evaluation.window_equity,
        time_us=_times(tape, evaluation.window),
        trades=_trades(evaluation.ledger, tape),
    )


def _times(tape: Tape, window: Range) -> NDArray[np.int64]:
    times: NDArray[np.int64] = tape.time_us[window.start : window.stop + 1]
    return times


def _trades(ledger: Ledger, tape: Tape) -> Trades:
    return Trades.of_ledger(ledger, usd_per_price=tape.usd_per_price)


def _stitched_equity(
    records: Sequence[FoldRecord], agent: EquityPath, others: Mapping[str, Sequence[EquityPath]]
) -> pd.DataFrame:
    first = records[0].fold.test.start
    fold_index = np.concatenate(
        [[records[0].fold.index], *(np.full(r.fold.test.n_bars, r.fold.index) for r in records)]
    )
    return pd.DataFrame(
        {
            "time": iso_times(agent.time_us),
            "bar_index": np.arange(first, first + len(agent.time_us)),
            "fold_index": fold_index,
            AGENT: agent.equity,
            BUY_AND_HOLD: others[BUY_AND_HOLD][0].equity,
            RANDOM: np.mean([path.equity for path in others[RANDOM]], axis=0),
        }
    )


def _stitched_ledger(
    records: Sequence[FoldRecord], ledgers: Sequence[pd.DataFrame], equity: pd.DataFrame
) -> pd.DataFrame:
    """Put the trades of all folds under each other, with the scale of the compounding account."""
    path, first = equity[AGENT].to_numpy(), records[0].fold.test.start
    parts = []
    for record, ledger in zip(records, ledgers, strict=True):
        scale = max(path[record.fold.test.start - first], 0.0) / path[0]
        columns = {"fold_index": record.fold.index, "account_scale": scale}
        parts.append(ledger.assign(**columns))
    return pd.concat(parts, ignore_index=True)
