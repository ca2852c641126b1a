import json
import re
import shutil
import struct
from dataclasses import asdict

import matplotlib as mpl
import pytest

from bot.report import write_report
from bot.report.palette import LIGHT
from bot.report.read import read_run
from bot.report.write import render_page
from tests.bot.report.pages import Page

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e$x_2$"


@pytest.fixture(scope="module")
def folder(run_writer, tmp_path_factory):
    """A run of two folds with a hostile symbol, and its report; read only."""
    made = run_writer(tmp_path_factory.mktemp("runs") / "42", n_folds=2, symbol=HOSTILE)
    write_report(made)
    return made


@pytest.fixture(scope="module")
def source(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def test_the_report_has_every_part_and_its_picture_beside_it(folder, source, page):
    assert re.findall(r"<h2>(.*?)</h2>", source) == [
        "Performance", "Equity", "Folds", "Trades", "Validation", "Rules", "Schedules",
        "Time and size", "Data", "Settings", "How to read this",
    ]  # fmt: skip
    assert page.tags.count("svg") == 5
    png = (folder / "equity.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (1536, 736)


def test_the_page_asks_nobody_for_anything_and_runs_nothing(page):
    page.assert_is_self_contained()


def test_names_from_files_stay_text(page):
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


def test_identifiers_are_unique_on_the_page(page):
    page.assert_has_unique_identifiers()


def test_every_reference_finds_its_target(page):
    targets = {f"#{value}" for name, value in page.attributes if name == "id"}
    wanted = {value for name, value in page.attributes if name == "xlink:href"}
    clips = {
        f"#{match}"
        for name, value in page.attributes
        if name == "clip-path"
        for match in re.findall(r"url\(#(.*?)\)", value)
    }
    assert wanted
    assert clips
    assert wanted | clips <= targets


def test_pictures_take_their_colours_from_the_page(source):
    svg = "".join(re.findall(r"<svg.*?</svg>", source, re.DOTALL))
    assert "#f00d" not in svg
    for name in ("agent", "hold", "random", "validation", "ink", "muted", "grid"):
        assert f"var(--{name})" in svg
        assert f"--{name}:" in source
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) <= {"#000000", "#ffffff"}


def test_the_light_colours_of_page_and_picture_are_the_same(source):
    light = source[: source.index("prefers-color-scheme: dark")]
    for name, colour in asdict(LIGHT).items():
        assert f"--{name}: {colour};" in light


def test_the_headline_says_what_the_figures_were_measured_on(page):
    assert "Out of sample. Measured on the test slices only: 1,000 bars of 2 folds" in page.text
    assert "The agent beat buy-and-hold by" in page.text
    assert "Speed-up: n/a: --calibrate or walkfast benchmark measures it" in page.text


def test_provenance_is_shown_for_what_is_not_a_default(source):
    rows = re.findall(r"<code>(.*?)</code></td><td.*?>(.*?)</td><td.*?>(.*?)</td>", source)
    assert rows[0] == ("agent.learning_rate", "0.001", "flag")
    assert ("agent.n_envs", "16", "profile:balanced") in rows
    assert ("seed", "42", "default") in rows


def test_a_run_without_trades_says_so(fake_run):
    folder = fake_run(n_folds=1, n_trades=0)
    shutil.rmtree(folder / "folds")
    text = Page(render_page(read_run(folder))).text
    assert "scored as flat" in text
    assert "The agent made no trades on the test bars." in text


def test_missing_files_leave_their_parts_out_one_after_another(fake_run):
    folder = fake_run(n_folds=1)
    sections = []
    for missing in ("stitched_equity.csv", "stitched_ledger.csv", "folds", "config.json"):
        path = folder / missing
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        page = render_page(read_run(folder))
        assert Page(page).open == []
        sections.append(set(re.findall(r"<h2>(.*?)</h2>", page)))
    assert "Equity" not in sections[0]
    assert "Trades" not in sections[1]
    assert sections[2] == {"Performance", "Rules", "Time and size", "Data", "Settings",
                           "How to read this"}  # fmt: skip
    assert sections[3] == {"Performance", "Rules", "Time and size", "How to read this"}


def test_without_a_stitched_equity_there_is_no_picture(fake_run):
    folder = fake_run(n_folds=1)
    shutil.rmtree(folder / "folds")
    (folder / "stitched_ledger.csv").unlink()
    (folder / "stitched_equity.csv").unlink()
    assert write_report(folder).is_file()
    assert not (folder / "equity.png").exists()


def test_a_run_that_is_not_finished_has_a_report_of_its_folds(fake_run):
    folder = fake_run(n_folds=1)
    for name in ("training_performance_summary.json", "optimization_summary.json"):
        (folder / name).unlink()
    (folder / "stitched_equity.csv").unlink()
    (folder / "stitched_ledger.csv").unlink()
    page = Page(render_page(read_run(folder)))
    assert "This run has no summary yet." in page.text
    assert "Fold 0" in page.text


@pytest.mark.parametrize("strange", [7, "text", [1, "a"], {"x": {"y": None}}])
def test_values_of_wrong_kinds_do_not_stop_a_report(fake_run, strange):
    folder = fake_run(n_folds=1)
    (folder / "stitched_equity.csv").unlink()
    for name in (
        "training_performance_summary.json",
        "optimization_summary.json",
        "config.json",
        "folds/000/fold.json",
    ):
        content = json.loads((folder / name).read_text())
        broken = dict.fromkeys(content, strange) | {"format_version": 1}
        (folder / name).write_text(json.dumps(broken))
    assert Page(render_page(read_run(folder))).text


def test_the_same_results_give_the_same_report(fake_run, folder):
    made = fake_run(n_folds=2, symbol=HOSTILE)
    assert write_report(made).read_bytes() == (folder / "report.html").read_bytes()
    assert (made / "equity.png").read_bytes() == (folder / "equity.png").read_bytes()


def test_settings_of_matplotlib_are_left_as_they_were(fake_run):
    folder = fake_run(n_folds=1)
    shutil.rmtree(folder / "folds")
    before = dict(mpl.rcParams)
    render_page(read_run(folder))
    assert dict(mpl.rcParams) == before
