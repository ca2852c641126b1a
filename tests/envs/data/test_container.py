"""Containers: gzip, zip, Feather, Parquet, JSON in its shapes."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from envs.data.load import load
from envs.errors import DataError

ROWS = [["2024-01-01T00:00:00", 1.5, 2.5, 1.0, 2.0, 7], ["2024-01-01T01:00:00", 2, 3, 1.5, 2.5, 8]]
NAMES = ["time", "open", "high", "low", "close", "volume"]


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return buffer.getvalue()


def check(bars):
    assert bars.open.tolist() == [1.5, 2.0]
    assert bars.low.tolist() == [1.0, 1.5]
    assert bars.volume.tolist() == [7, 8]


def test_gzip_is_known_by_its_content_and_not_its_name(write, plain):
    result = load(write("bars.csv", gzip.compress(plain(3).encode())))
    assert result.source.container == "text in gzip, comma-separated"
    assert len(result.bars) == 3


def test_a_cut_gzip_file_is_refused(write, plain):
    with pytest.raises(DataError, match="damaged gzip"):
        load(write("bars.csv.gz", gzip.compress(plain(30).encode())[:-20]))


def test_a_zip_of_one_table_and_its_readme_is_opened(write, plain):
    content = zipped(DAT_csv=plain(3), readme_txt="about")
    assert len(load(write("bars.zip", content)).bars) == 3


def test_a_zip_of_two_tables_and_a_workbook_are_refused(write, plain):
    with pytest.raises(DataError, match="a zip of 2 files"):
        load(write("bars.zip", zipped(a_csv=plain(3), b_csv=plain(3))))
    with pytest.raises(DataError, match="an Excel workbook"):
        load(write("bars.xlsx", zipped(xl__workbook_xml="<x/>", a_xml="<x/>")))


@pytest.mark.parametrize(
    "value",
    [
        [dict(zip(NAMES, row, strict=True)) for row in ROWS],
        {name: [row[index] for row in ROWS] for index, name in enumerate(NAMES)},
        [{name: str(item) for name, item in zip(NAMES, row, strict=True)} for row in ROWS],
    ],
    ids=["objects", "columns", "text"],
)
def test_json_of_every_shape_is_read(write, value):
    check(load(write("bars.json", json.dumps(value))).bars)


def test_json_lines_are_read(write):
    lines = "\n".join(json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS)
    check(load(write("bars.jsonl", lines)).bars)


def test_the_rows_of_the_binance_endpoint_are_read_from_json(write):
    prices = ["16541.77", "16545.70", "16508.39", "16529.67", "4364.8"]
    rest = ["72146293.5", 149854, "2179.9", "36032352.8", "0"]
    starts = [1672531200000 + hour * 3600_000 for hour in range(3)]
    rows = [[start, *prices, start + 3600_000 - 1, *rest] for start in starts]
    result = load(write("BTCUSDT.json", json.dumps(rows)))
    assert result.source.format == "binance-klines"
    assert result.bars.high.tolist() == [16545.7] * 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"time": 1}, 2]', "JSON bars must be"),
        ('{"time": [1, 2], "open": [1]}', "of one length"),
        ('{"a": 1}\n{"a": \n', "must be a JSON object"),
        ("[]", "JSON bars must be"),
    ],
)
def test_json_of_another_shape_is_refused(write, text, says):
    with pytest.raises(DataError, match=says):
        load(write("bars.json", text))


def test_a_null_and_a_word_among_numbers_are_refused_with_their_row(write):
    values = [["2024-01-01T00:00:00", 1.5, 2.5, 1.0, None, 7], [*ROWS[1][:4], "two", 8]]
    rows = [dict(zip(NAMES, row, strict=True)) for row in values]
    with pytest.raises(DataError) as caught:
        load(write("bars.json", json.dumps(rows)))
    assert "unreadable_number, 1x: Not a number (row 2: close is 'two')" in caught.value.came
    assert "missing_value, 1x: Values are missing (NaN) (row 1: close is nan)" in caught.value.came


@pytest.mark.parametrize("kind", ["feather", "parquet"])
def test_typed_columns_of_every_number_type_are_read(tmp_path, kind):
    table = pa.table(
        {
            "time": pa.array([row[0] for row in ROWS]).cast(pa.timestamp("ns")),
            "open": pa.array([1.5, 2.0], pa.float32()),
            "high": pa.array(["2.5", "3"]).cast(pa.decimal128(5, 2)),
            "low": pa.array(["1.0", "1.5"]),
            "close": pa.array([2, 2], pa.int64()),
            "volume": pa.array([7, 8], pa.uint16()),
            "note": pa.nulls(2),
        }
    )
    path = tmp_path / f"bars.{kind}"
    writer = pyarrow.feather.write_feather if kind == "feather" else pyarrow.parquet.write_table
    writer(table, path)
    result = load(path)
    check(result.bars)
    assert result.source.ignored == {"note": "empty"}
    assert result.source.timezone_source == "assumed"


def test_repeated_column_names_are_refused_in_typed_files_and_text(tmp_path, write):
    column = pa.array([1.0, 2.0])
    table = pa.Table.from_arrays([column] * 6, names=[*NAMES[:5], "close"])
    pyarrow.feather.write_feather(table, tmp_path / "a.feather")
    with pytest.raises(DataError, match="'close' more than once"):
        load(tmp_path / "a.feather")
    with pytest.raises(DataError, match="'close' more than once"):
        load(write("a.csv", "time,open,high,low,close,close\n1,1,1,1,1,1\n"))
