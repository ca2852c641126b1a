"""Words to values: unknown flags, missing values and unreadable numbers are told apart."""

from __future__ import annotations

import pytest

from bot.flags.flag import Flag
from bot.flags.parse import UsageError, Words, add_flags
from bot.flags.values import Kind, kind_of, one_of, read_value, read_values
from envs.errors import ConfigError, UnknownNameError

FLAGS = (
    Flag("learning_rate", "a number", kind=Kind(scalar=float), aliases=("lr",)),
    Flag("warm_start", "a switch", kind=Kind(scalar=bool)),
    Flag("layers", "numbers", kind=Kind(scalar=int, many=True)),
    Flag("verbose", "a level, 100% optional", kind=one_of(("0", "1", "2")), bare="2"),
)


@pytest.fixture
def words():
    made = Words("walkfast try", description="Try.")
    add_flags(made, {"All": FLAGS}, root=object, says=lambda flag: flag.help)
    return made


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("", {}),
        ("--learning_rate 3", {"learning_rate": 3.0}),
        ("--learning-rate=3", {"learning_rate": 3.0}),
        ("--lr -3", {"learning_rate": -3.0}),
        ("--warm_start", {"warm_start": True}),
        ("--no-warm-start", {"warm_start": False}),
        ("--no_warm_start --warm_start", {"warm_start": True}),
        ("--warm_start false", {"warm_start": False}),
        ("--warm-start=False --verbose", {"warm_start": False, "verbose": "2"}),
        ("--warm_start TRUE", {"warm_start": True}),
        ("--no-warm_start false", {"warm_start": True}),
        ("--layers 1 2,3", {"layers": (1, 2, 3)}),
        ("--layers --warm_start", {"layers": (), "warm_start": True}),
        ("--verbose", {"verbose": "2"}),
        ("--verbose 1", {"verbose": "1"}),
    ],
)
def test_only_what_was_typed_is_given(words, typed, given):
    assert words.read(typed.split()) == given


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("--learing_rate 3", "did you mean --learning_rate?"),
        ("--no-warm_strat", "did you mean --no_warm_start?"),
        ("--learing-rate=3", "Found: --learing-rate.\nTo mend: for --learing-rate did you mean "),
        ("--learing_rate 3", "did you mean --learning_rate? walkfast try --help"),
        ("--xyz", "Found: --xyz"),
        ("--learn 3", "Found: --learn"),
        ("--learning_rate", "expected one argument"),
        ("--learning_rate --warm_start", "--flag=VALUE"),
        ("stray", "Every value must follow its flag"),
        ("--warm_start=yes", "a switch takes true, false or nothing"),
        ("--warm_start yes", "Every value must follow its flag"),
    ],
)
def test_what_is_no_command_line_is_told_with_the_way_out(words, typed, says):
    with pytest.raises(UsageError) as refused:
        words.read(typed.split())
    assert says in str(refused.value)
    assert "walkfast try --help" in str(refused.value)


def test_the_help_page_ends_with_exit_code_0(words, capsys):
    with pytest.raises(SystemExit) as end:
        words.read(["-h"])
    assert end.value.code == 0
    page = capsys.readouterr().out
    assert "--[no-]warm_start" in page
    assert "100% optional" in page


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int, Kind(scalar=int)),
        (float | None, Kind(scalar=float, optional=True)),
        (tuple[int, ...], Kind(scalar=int, many=True)),
        (tuple[str, ...] | None, Kind(scalar=str, many=True, optional=True)),
    ],
)
def test_a_type_says_how_its_values_are_written(annotation, kind):
    assert kind_of(annotation) == kind


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind(scalar=int), "100_000", 100_000),
        (Kind(scalar=int), "1e5", 100_000),
        (Kind(scalar=int), "-3", -3),
        (Kind(scalar=int), "12345678901234567890", 12345678901234567890),
        (Kind(scalar=float), "1_000.5", 1000.5),
        (Kind(scalar=float, optional=True), "None", None),
        (one_of(("kl_adaptive", "off")), "kl-adaptive", "kl_adaptive"),
        (one_of(("cuda", "cpu")), "CUDA", "cuda"),
    ],
)
def test_values_are_read_generously(kind, text, value):
    assert read_value(kind, text, "--x") == value


@pytest.mark.parametrize("text", ["1.5", "abc", "", "inf", "nan", "1e400", "0x10", "1,5"])
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(ConfigError, match="--x must be a whole number"):
        read_value(Kind(scalar=int), text, "--x")


@pytest.mark.parametrize("text", ["abc", "", "1,5", "--3"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ConfigError, match="--x must be a number"):
        read_value(Kind(scalar=float), text, "--x")


def test_none_is_no_value_where_a_value_must_be():
    with pytest.raises(ConfigError):
        read_value(Kind(scalar=float), "none", "--x")


def test_an_empty_text_is_no_name():
    with pytest.raises(ConfigError, match="--x needs a value"):
        read_value(Kind(scalar=str), " ", "--x")


def test_a_choice_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        read_value(one_of(("cosine", "linear")), "cosin", "--x")


def test_none_among_several_values_is_one_of_them():
    kind = Kind(scalar=str, many=True, optional=True)
    assert read_values(kind, ["none"], "--x") is None
    assert read_values(kind, ["none", "a"], "--x") == ("none", "a")
