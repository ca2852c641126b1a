"""`walkfast data FILE`: what was understood of a file of bars, on one screen.

Not here: understanding it (`envs.data.load`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bot.cli.bars import load_bars, load_settings, notices
from bot.cli.boundary import DONE, guarded, wants_tracebacks
from bot.cli.output import entry, output_encoding, say, width
from bot.flags.data_flags import DATA, DataSettings
from bot.flags.flag import Flag
from bot.flags.parse import Words, add_flags
from bot.flags.values import Kind
from bot.live.chart import Canvas, draw
from envs.bars import Bars
from envs.data.load import LoadedBars
from envs.market.contract import contract_size_for
from envs.market.currency import conversion_for
from training.folds import FoldConfig

_JSON = Flag("json", "one JSON object, nothing else", kind=Kind(scalar=bool))
_CHART_ROWS = 10
_US_PER_DAY = 86_400_000_000


def main(arguments: Sequence[str]) -> int:
    """Show what is understood of a file, and return the exit code."""
    return guarded(lambda: _show(arguments), tracebacks=wants_tracebacks(arguments))


def facts(loaded: LoadedBars) -> dict[str, Any]:
    """Return what is known of a file and its bars, as JSON values."""
    bars, size = loaded.bars, contract_size_for(loaded.bars.symbol)
    conversion = conversion_for(bars.symbol)
    return {
        "symbol": bars.symbol,
        "timeframe": bars.timeframe.name,
        "n_bars": len(bars),
        "first_bar": _time(bars, 0),
        "last_bar": _time(bars, -1),
        "point_size": bars.point_size,
        "contract_size": size.value,
        "contract_size_reason": size.reason,
        "currency_conversion": conversion.value,
        "currency_conversion_reason": conversion.reason,
        "lowest": float(bars.low.min()),
        "highest": float(bars.high.max()),
        "median_spread_points": float(np.median(bars.spread_points)),
        "extra_columns": list(bars.extra),
        "n_default_folds": n_default_folds(len(bars)),
        "fingerprint": bars.fingerprint,
        "source": loaded.source.to_json(),
    }


def n_default_folds(n_bars: int) -> int:
    """Count the folds of the default window and step, the features' warm-up left out."""
    config = FoldConfig()
    return max(0, (n_bars - config.bars_needed()) // config.step_bars + 1)


def page(loaded: LoadedBars, *, width: int, unicode: bool) -> Iterator[str]:
    """Yield the lines of the screen, none wider than `width`."""
    for label, text in _table(loaded):
        yield from entry(label, text, width)
    for level, message in notices(loaded.source):
        yield from entry("Warning" if level == "warning" else "Note", message, width)
    yield ""
    yield from _chart(loaded.bars, width=width, unicode=unicode)


def _show(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    as_json, path = given.pop("json", False), given.pop("file")
    loaded = load_bars(path, load_settings(given))
    assert not given, f"parsed and ignored: {sorted(given)}"
    if as_json:
        say(json.dumps(facts(loaded), indent=2, allow_nan=False))
        return DONE
    for line in page(loaded, width=width(), unicode=_draws_braille()):
        say(line)
    return DONE


def _words() -> Words:
    words = Words(
        "walkfast data",
        description="Show what is understood of a file of bars: format, columns, clock,\n"
        "span, problems, and a chart. Nothing is written.",
    )
    words.usage = "walkfast data FILE [flags]"
    words.add_argument("file", metavar="FILE", help="CSV, TSV, gzip, zip, Feather, Parquet, JSON")
    flags = (*(flag for flag in DATA if flag.name != "data_path"), _JSON)
    add_flags(words, {"How to read it": flags}, root=DataSettings, says=lambda flag: flag.help)
    return words


def _table(loaded: LoadedBars) -> Iterator[tuple[str, str]]:
    bars, source = loaded.bars, loaded.source
    size = contract_size_for(bars.symbol)
    spread = bars.spread_points
    yield "File", source.path
    yield "Format", f"{source.format} ({source.container})"
    yield "Symbol", f"{bars.symbol}, {bars.timeframe.name}"
    yield "Bars", f"{len(bars):,} of {source.n_rows:,} rows"
    yield "Span", f"{_time(bars, 0)} to {_time(bars, -1)} UTC, {_days(bars):,.0f} days"
    yield "Clock", f"{source.timezone} ({source.timezone_source}), {source.time_kind}"
    yield "Prices", f"{bars.low.min():g} to {bars.high.max():g}, one point is {bars.point_size:g}"
    if spread.any():
        yield "Spread", f"median {np.median(spread):g} points, largest {spread.max():g}"
    else:
        yield "Spread", "none in the file (--spread_points sets one when training)"
    yield "Contract", f"{size.value:,.10g} units a lot ({size.reason})"
    yield "Currency", _currency(bars)
    yield "Columns", ", ".join(f"{role} <- {name}" for role, name in source.columns.items())
    for name, reason in source.ignored.items():
        yield "Left out", f"{name}: {reason}"
    config = FoldConfig()
    yield (
        "Folds",
        (
            f"{n_default_folds(len(bars))} of window {config.initial_window_bars:,} and step "
            f"{config.step_bars:,}, less what the features need to warm up"
        ),
    )


def _currency(bars: Bars) -> str:
    conversion = conversion_for(bars.symbol)
    if conversion.value is None:
        return f"{conversion.reason} (--currency_conversion sets it when training)"
    return f"{conversion.value:g} USD for one of the quote ({conversion.reason})"


def _chart(bars: Bars, *, width: int, unicode: bool) -> Iterator[str]:
    """Draw closing prices by time."""
    labels = [f"{bars.close.max():g}", f"{bars.close.min():g}"]
    margin = max(map(len, labels)) + 1
    canvas = Canvas(n_columns=max(width - margin - 1, 10), n_rows=_CHART_ROWS, unicode=unicode)
    rows = _thinned(len(bars), 8 * canvas.n_columns)
    lines = draw(bars.time_us[rows].tolist(), bars.close[rows].tolist(), canvas)
    for index, line in enumerate(lines):
        label = {0: labels[0], len(lines) - 1: labels[1]}.get(index, "")
        yield f"{label:>{margin - 1}} {line}".rstrip()
    first, last = _time(bars, 0)[:10], _time(bars, -1)[:10]
    yield " " * margin + first + last.rjust(max(canvas.n_columns - len(first), len(last) + 1))


def _thinned(n_bars: int, n_most: int) -> Any:
    return np.unique(np.linspace(0, n_bars - 1, min(n_bars, n_most)).astype(np.int64))


def _time(bars: Bars, index: int) -> str:
    stamp = np.datetime64(int(bars.time_us[index]), "us")
    return str(np.datetime_as_string(stamp, unit="m")).replace("T", " ")


def _days(bars: Bars) -> float:
    return float(bars.time_us[-1] - bars.time_us[0]) / _US_PER_DAY


def _draws_braille() -> bool:
    return output_encoding().lower().replace("-", "").startswith("utf")
