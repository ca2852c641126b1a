"""Every command line of the user's pages is one that the program reads. Nothing is trained."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.boundary import DONE, INTERRUPTED
from bot.cli.commands import COMMANDS, run
from bot.flags.parse import Words
from bot.flags.resolve import resolve

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/TRAINING_OPTIMIZATION_GUIDE.md", "docs/performance.md")
SCRIPTS = {
    name: importlib.import_module(f"bot.{name}")
    for name in ("train_ppo", "train_ppo_optimized", "test_training_optimization")
}
OURS = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:walkfast \S|python (?:start|bench/\S+|train_ppo\w*|test_\w+)\.py)"
)
NOT_OURS = {"--x", "--no-x", "--logdir"}
"""What stands for any switch, and a flag of TensorBoard's."""


def command_lines(text: str) -> Iterator[str]:
    """Yield what a reader may type: indented or fenced lines, and code within sentences."""
    lines = [line.strip() for line in re.findall(r"^(?: {4}|\t)(.+)$", text, re.MULTILINE)]
    spans = re.findall(r"`([^`\n]+)`", text)
    for line in (*lines, *spans):
        command = line.partition(" #")[0].partition(" > ")[0].strip()
        if OURS.match(command) and "..." not in command:
            yield command


LINES = sorted({line for page in PAGES for line in command_lines((ROOT / page).read_text("utf-8"))})


@pytest.fixture
def given(monkeypatch):
    """What the parser read, of a command that ends as soon as it has read its words."""
    seen = []
    read = Words.read

    def read_and_end(self, arguments):
        seen.append(read(self, arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(Words, "read", read_and_end)
    return seen


def words_of(line: str) -> list[str]:
    words = shlex.split(line)
    while re.fullmatch(r"[A-Z_]+=\S+", words[0]):
        del words[0]
    return words


def of_walkfast(words: list[str]) -> list[str] | None:
    """Return the words of the walkfast command that a line runs; None where it runs none."""
    if words[0] == "walkfast":
        return words[1:]
    if words[1] != "start.py":
        return None
    rest = words[4:] if words[2] == "--torch" else words[2:]
    return None if rest[0] == "test" else rest[rest[0] == "walkfast" :]


def test_the_pages_hold_command_lines_of_every_kind():
    assert len(LINES) > 40
    assert {words_of(line)[1] for line in LINES if line.startswith("walkfast")} >= set(COMMANDS)
    for start in ("python start.py test", "python train_ppo.py", "python bench/engine.py"):
        assert any(line.startswith(start) for line in LINES), start


def check_command(words, given, capsys):
    if len(words) < 2:
        assert set(words) <= set(COMMANDS)  # named in a sentence
    elif words[1] == "--help":
        assert run(words) == DONE
    else:
        assert run(words) == INTERRUPTED, capsys.readouterr().err
        if words[0] in ("train", "benchmark"):
            resolve({**given[0], "benchmark_mode": True} if words[0] == "benchmark" else given[0])


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_of_the_pages_is_read(line, given, capsys):
    words = words_of(line)
    command = of_walkfast(words)
    if command is not None:
        check_command(command, given, capsys)
    elif words[1].startswith("bench/"):
        script = (ROOT / words[1]).read_text("utf-8")
        flags = [word for word in words[2:] if word.startswith("--")]
        assert [flag for flag in flags if f'"{flag}"' not in script] == []
    elif words[1] == "start.py":
        assert set(words[3:]) <= {"--quick"}
    else:
        assert SCRIPTS[Path(words[1]).stem].main(words[2:]) == INTERRUPTED, capsys.readouterr().err
        if words[1].startswith("train"):
            resolve(given[0], original=words[1] == "train_ppo.py")


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_that_a_page_names_is_one(page, capsys):
    assert [run([name, "--help"]) for name in COMMANDS] == [DONE] * len(COMMANDS)
    others = [ROOT / "start.py", *(ROOT / "bench").rglob("*.py")]
    known = capsys.readouterr().out + "".join(path.read_text("utf-8") for path in others)
    known = known.replace("--[no-]", "--").replace("-", "_")
    code = re.findall(r"`([^`\n]+)`", (ROOT / page).read_text("utf-8"))
    named = {flag for span in code for flag in re.findall(r"(?<!\S)--[a-z][\w-]*", span)}
    plain = {flag: flag.replace("--no-", "--").replace("-", "_") for flag in named - NOT_OURS}
    assert plain, "a page without flags"
    assert [flag for flag, word in plain.items() if not re.search(rf"{word}\b", known)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_place_that_a_page_links_to_is_there(page):
    here = ROOT / page
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", here.read_text("utf-8"))
    assert [name for name, _ in links if not (here.parent / name).exists()] == []
    for name, place in links:
        target = here.parent / name if name else here
        assert not place or place in places(target.read_text("utf-8")), f"{name}#{place}"


def places(text: str) -> set[str]:
    """Return the names by which the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
