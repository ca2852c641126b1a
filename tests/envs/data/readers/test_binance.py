"""Binance klines in both units, with and without a header."""

import pytest

from envs.errors import DataError

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)


def rows(unit: int, n_rows: int = 3, start_s: int = 1672531200) -> str:
    lines = []
    for row in range(n_rows):
        start = (start_s + 3600 * row) * unit
        end = start + 3600 * unit - 1
        prices = "16541.77000000,16545.70000000,16508.39000000,16529.67000000"
        lines.append(f"{start},{prices},4364.83570000,{end},72146293.5,149854,2179.9,36032352.8,0")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("header", ["", HEADER])
@pytest.mark.parametrize("unit", [10**3, 10**6])
def test_klines_are_read_in_either_unit_with_and_without_header(loaded, us, header, unit):
    result = loaded(header + rows(unit), "BTCUSDT-1h-2023-01.csv")
    bars = result.bars
    assert result.source.format == "binance-klines"
    assert bars.time_us.tolist() == [us(f"2023-01-01T0{hour}:00") for hour in range(3)]
    assert (bars.symbol, bars.timeframe.name, bars.point_size) == ("BTCUSDT", "1h", 0.01)
    assert bars.close.tolist() == [16529.67] * 3
    assert bars.extra["count"].tolist() == [149854] * 3
    assert list(result.source.ignored.values()) == ["meaningless in the format"]


def test_two_months_in_two_units_in_one_file_are_refused_and_can_be_mended(loaded, us):
    text = rows(10**3) + rows(10**6, start_s=1672531200 + 3 * 3600)
    with pytest.raises(DataError, match=r"mixed_time_units, 3x.*line 4"):
        loaded(text)
    mended = loaded(text, repair=True)
    assert mended.bars.time_us[-1] == us("2023-01-01T05:00")
    assert [repair.kind for repair in mended.source.repairs] == ["read_in_own_unit"]


def test_a_close_time_far_from_the_open_time_is_an_error(loaded):
    text = rows(10**3).replace("1672534799999", "1672638399999", 1)
    with pytest.raises(DataError, match="close_time_disagrees, 1x"):
        loaded(text)


@pytest.mark.parametrize(
    ("name", "n_bars", "last"),
    [
        ("binance_klines_BTCUSDT_1h_2023-01.csv", 744, (23181.81, 23188.7, 23081.19, 23125.13)),
        ("binance_klines_BTCUSDT_1h_2023-02.csv", 672, (23160.47, 23199.96, 23098.35, 23141.57)),
    ],
)
def test_the_real_files_are_read_to_their_last_line(real, name, n_bars, last):
    result = real(name)
    bars = result.bars
    assert (len(bars), bars.point_size, bars.symbol) == (n_bars, 0.01, "BTCUSDT")
    assert (bars.open[-1], bars.high[-1], bars.low[-1], bars.close[-1]) == last
    assert result.source.problems == ()
