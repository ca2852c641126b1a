"""freqtrade candles in Feather, Parquet and JSON."""

import gzip
import json

import pandas as pd
import pytest

from envs.data.load import load


def frame() -> pd.DataFrame:
    times = pd.date_range("2018-01-10 04:55", periods=3, freq="5min", tz="UTC")
    prices = {"open": 0.0984, "high": 0.09947662, "low": 0.09828605, "close": 0.0994766}
    return pd.DataFrame({"date": times, **prices, "volume": [1820.5, 2527.9, 3653.0]})


@pytest.mark.parametrize("kind", ["feather", "parquet"])
def test_typed_candles_are_read(tmp_path, us, kind):
    path = tmp_path / f"ETH_BTC-5m.{kind}"
    getattr(frame(), f"to_{kind}")(path)
    result = load(path)
    assert (result.source.format, result.source.container) == ("freqtrade", kind)
    assert (result.bars.symbol, result.bars.timeframe.name) == ("ETH/BTC", "5m")
    assert result.bars.time_us[0] == us("2018-01-10T04:55")
    assert result.bars.volume.tolist() == [1820.5, 2527.9, 3653.0]
    assert result.bars.point_size == 1e-8


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_json_rows_of_milliseconds_are_read(write, us, pack):
    rows = [[1515560100000 + 300_000 * i, 0.5, 1, 0.25, 0.75, 10 * i] for i in range(3)]
    path = write("ETH_BTC-5m.json", pack(json.dumps(rows).encode()))
    result = load(path)
    assert result.source.format == "freqtrade"
    assert result.bars.time_us[0] == us("2018-01-10T04:55")
    assert result.bars.high.tolist() == [1.0, 1.0, 1.0]
    assert result.bars.volume.tolist() == [0, 10, 20]


def test_the_real_file_is_read_to_its_last_row(real, us):
    result = real("freqtrade_ETH_BTC_5m.feather")
    bars = result.bars
    assert (len(bars), bars.symbol, bars.timeframe.name) == (5760, "ETH/BTC", "5m")
    assert bars.time_us[[0, -1]].tolist() == [us("2018-01-10T04:55"), us("2018-01-30T04:50")]
    assert bars.close[-1] == pytest.approx(0.104411, abs=1e-6)
    assert result.source.problems == ()
