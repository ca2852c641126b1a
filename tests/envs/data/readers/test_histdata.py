"""HistData minute bars in Eastern Standard Time."""

TEXT = (
    "20170301 000000;1.055220;1.055290;1.055210;1.055290;0\n"
    "20170301 000100;1.055300;1.055310;1.055300;1.055310;0\n"
    "20170701 000000;1.055300;1.055310;1.055300;1.055310;0"
)


def test_five_hours_are_added_in_winter_and_in_summer_and_said(loaded, us):
    result = loaded(TEXT, "DAT_ASCII_EURUSD_M1_2017.csv")
    assert result.source.format == "histdata"
    expected = ["2017-03-01T05:00", "2017-03-01T05:01", "2017-07-01T05:00"]
    assert result.bars.time_us.tolist() == [us(text) for text in expected]
    assert (result.source.timezone, result.source.timezone_source) == ("-05:00", "format")
    assert any("Eastern Standard Time" in note for note in result.source.notes)


def test_six_written_decimals_with_five_real_ones_make_a_point_of_five(loaded):
    bars = loaded(TEXT, "DAT_ASCII_EURUSD_M1_2017.csv").bars
    assert (bars.symbol, bars.point_size, bars.timeframe.name) == ("EURUSD", 1e-5, "1m")


def test_another_clock_can_be_forced_with_a_warning(loaded, us):
    result = loaded(TEXT, timezone="UTC")
    assert result.bars.time_us[0] == us("2017-03-01")
    assert any("histdata says -05:00" in warning for warning in result.source.warnings)


def test_the_real_file_is_read_to_its_last_line_which_has_no_line_end(real, us):
    bars = real("histdata_EURUSD_M1.csv").bars
    assert (len(bars), bars.symbol) == (11092, "EURUSD")
    assert bars.time_us[-1] == us("2017-03-10T21:59")
    assert bars.close[-1] == 1.06731
