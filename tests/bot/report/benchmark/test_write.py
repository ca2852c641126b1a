import json
import re
from collections.abc import Mapping

import matplotlib as mpl
import pytest

from bot.report.benchmark import write_benchmark_report
from bot.report.benchmark.read import benchmark_of
from bot.report.benchmark.write import PICTURE_FILES, render_page
from tests.bot.report.benchmark import made_up_benchmark as made
from tests.bot.report.pages import Page
from training.benchmark.table import sentences

SECTIONS = [
    "Speed", "What each optimization is worth", "Quality", "Validation against wall time", "Equity",
    "Where the time goes", "Does it beat chance", "What this cannot say", "Ground",
    "How to read this",
]  # fmt: skip


def rendered(content):
    page = Page(render_page(benchmark_of("42", content)))
    page.assert_is_self_contained()
    page.assert_has_unique_identifiers()
    return page


def mapped(value, change):
    """Change every leaf of nested values."""
    if isinstance(value, Mapping):
        return {name: mapped(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    return change(value)


def a_number_is_none(leaf):
    return None if isinstance(leaf, int | float) and not isinstance(leaf, bool) else leaf


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory):
    """A benchmark with every section but the ablation, a hostile symbol, and its report."""
    content = made.whole_content(n_seeds=5, n_folds=2, symbol=made.HOSTILE)
    content["profile"] = made.HOSTILE
    content["chance"]["optimized"]["line"] = made.HOSTILE
    content["arms"]["optimized"]["says"] = made.HOSTILE
    content["arms"]["original"]["failures"] = [{"seed": 1, "error": f"a\n{made.HOSTILE}"}]
    content["missing"] = [made.HOSTILE]
    content["command"] = f"walkfast benchmark --run_name '{made.HOSTILE}'"
    folder = made.write_benchmark(tmp_path_factory.mktemp("runs"), content)
    write_benchmark_report(folder)
    return folder


@pytest.fixture(scope="module")
def source(whole_folder):
    return (whole_folder / "report.html").read_text(encoding="utf-8")


def test_every_section_is_there_with_its_picture_beside_the_page(whole_folder, source):
    assert re.findall(r"<h2>(.*?)</h2>", source) == SECTIONS
    drawn = {path.name for path in whole_folder.glob("*.png")}
    assert drawn == set(PICTURE_FILES) - {"ablation.png"}
    assert source.count("<svg") == len(drawn)
    for name in drawn:
        assert (whole_folder / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_page_stands_alone_and_names_from_files_stay_text(source):
    page = Page(source)
    page.assert_is_self_contained()
    page.assert_has_unique_identifiers()
    assert page.text.count("<script>alert(1)</script>") >= 6
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert "#f00d" not in source


def test_the_verdict_is_that_of_the_file_word_for_word():
    content = made.timed_content()
    told = rendered(content).text
    verdict = content["against_original"]["optimized"]["verdict"]
    assert f"Profile balanced against the original training: {verdict['text']}." in told
    assert "faster and not worse" not in told
    content["against_original"]["optimized"]["verdict"] = None
    assert "against the original training: no verdict." in rendered(content).text


def test_what_the_table_of_a_readme_says_is_said_on_top():
    content = made.timed_content(n_seeds=2, n_folds=1)
    told = rendered(content).text
    for sentence in sentences(content):
        assert sentence in told
    del content["missing"]  # as in a file of an older version
    assert next(iter(sentences(content))) in rendered(content).text


def test_the_commonest_benchmark_says_in_a_sentence_what_it_lacks():
    page = rendered(made.timed_content())
    for sentence in (
        "Time to quality is not known: the original was only timed",
        "No ablation was run",
        "Whether any arm is as good as the original is not known.",
        "Whether any arm beats chance was not judged",
        "Only timed, and so not tested: original, original 16 envs.",
        "original, original 16 envs: only timed, so that what a whole training earns on test bars",
        "Every run that was planned finished.",
    ):
        assert sentence in page.text
    assert page.tags.count("svg") == 4


def test_a_benchmark_of_paces_alone_draws_paces_alone():
    page = rendered(made.content(dict.fromkeys(("original", "optimized"), "timed"), n_seeds=1))
    assert page.tags.count("svg") == 2
    for sentence in ("there are no validation scores to draw", "no account to draw"):
        assert sentence in page.text


def test_a_stand_in_for_the_originals_scores_is_named():
    kinds = {"original": "timed", "original_exact": "whole", "optimized": "whole"}
    content = made.content(kinds, n_seeds=5)
    page = rendered(content)
    assert page.tags.count("svg") == 5
    told = page.text
    assert "its scores are those of original exact" in told.split("Whether any arm")[0]
    assert "The dashed line is the original's final score" in told
    assert "Only timed, and so not tested: original." in told
    assert re.search(
        r"optimized \d+ 10 ~2\d min \d\d s (\d|never)", told.split("Original, median")[1]
    )


def test_what_failed_and_what_was_left_out_is_named():
    kinds = {"original": "timed", "optimized": "whole"}
    content = made.content(kinds, failed=("optimized",))
    content["n_left_out"] = 4
    del content["missing"]
    told = rendered(content).text
    assert "optimized, seed 44: RuntimeError: <script>" in told
    assert "4 runs were left out" in told
    content["missing"] = ["Failed: told above.", "Not run, because it was late: original 2."]
    told = rendered(content).text.split("What this cannot say")[1]
    assert "Not run, because it was late: original 2." in told
    assert "4 runs were left out" not in told
    assert "told above" not in told  # the failure itself is, with its whole error


def test_a_benchmark_in_which_nothing_ran_is_a_page_all_the_same():
    content = made.content({"original": "timed", "optimized": "whole"})
    for arm in content["arms"].values():
        arm |= {name: None for name in arm if name not in ("kind", "says", "config", "failures")}
    content["units"] = []
    content["against_original"] = {}
    page = rendered(content)
    assert "No run finished, so that no stage was timed." in page.text
    assert "No time was measured in the original and in another arm." in page.text
    assert page.tags.count("svg") == 0


@pytest.mark.parametrize("strange", [None, {"x": {"y": None}}])
def test_sections_of_wrong_kinds_do_not_stop_a_report(strange):
    content = made.whole_content(n_seeds=2, n_folds=1)
    broken = {name: strange for name in content if name != "arms"}
    rendered({**broken, "arms": content["arms"]})
    rendered({**content, "arms": dict.fromkeys(content["arms"], strange)})


@pytest.mark.parametrize(
    "change",
    [a_number_is_none, lambda leaf: "<b>", lambda leaf: -1.0, lambda leaf: 0],
)
def test_leaves_of_wrong_kinds_do_not_stop_a_report(change):
    content = made.whole_content(n_seeds=2, n_folds=1)
    rendered(mapped(content, change))


def test_one_arm_alone_is_a_page_without_comparisons():
    content = made.content({"original": "whole", "optimized": "whole"}, n_seeds=1, n_folds=1)
    del content["arms"]["optimized"]
    content["against_original"] = {}
    page = rendered(content)
    assert "No time was measured in the original and in another arm." in page.text
    assert "Equity" in page.text


def test_the_command_is_told_as_typed_or_else_put_together():
    content = made.timed_content(n_seeds=2, n_folds=1)
    content["command"] = "walkfast x"
    assert "This command makes it again: walkfast x" in rendered(content).text
    del content["command"]
    content["arms"]["optimized"]["config"]["data_path"] = "my bars.csv"
    assert (
        "walkfast benchmark --profile balanced --data_path 'my bars.csv' --benchmark_minutes 60 "
        "--seeds 2"
    ) in rendered(content).text


def test_a_picture_whose_data_are_gone_does_not_stay(tmp_path):
    folder = made.write_benchmark(tmp_path, made.timed_content(n_seeds=2, n_folds=1))
    (folder / "quality.png").write_bytes(b"old")
    (folder / "mine.png").write_bytes(b"mine")
    write_benchmark_report(folder)
    assert not (folder / "quality.png").exists()
    assert (folder / "mine.png").exists()


def test_the_same_numbers_give_the_same_page_and_leave_matplotlib_alone():
    content = made.timed_content(n_seeds=2, n_folds=1)
    before = dict(mpl.rcParams)
    pages = [render_page(benchmark_of("42", json.loads(json.dumps(content)))) for _ in range(2)]
    assert pages[0] == pages[1]
    assert dict(mpl.rcParams) == before


@pytest.mark.slow
def test_an_ablation_is_drawn_told_and_tabled():
    page = rendered(made.whole_content(ablation=True, n_folds=2))
    assert page.tags.count("svg") == 7
    assert "Slower: early stopping (added)" in page.text
    assert "includes 1" in page.text
    assert "without preprocessing cache" in page.text
