"""`walkfast doctor`: what this machine has, and what the engine would do with it, measured.

Not here: finding and measuring (`training.agent.examination`), what is odd about it
(`bot.cli.oddities`), what the screen looks like (`bot.cli.doctor_page`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TextIO

from bot.cli.boundary import DONE, guarded, wants_tracebacks
from bot.cli.doctor_page import Diagnosis, facts, print_page
from bot.cli.oddities import Surroundings, crowding, oddities
from bot.cli.output import output_encoding, say
from bot.flags.flag import Flag
from bot.flags.help_text import line
from bot.flags.parse import Given, Words, add_flags
from bot.flags.resolve import Request, resolve
from bot.flags.rule_flags import AGENT
from bot.flags.table import FLAGS, TrainingSettings
from bot.flags.values import Kind
from bot.profiles import PROFILES
from envs.array_cache import ArrayCache, default_cache_folder
from training.agent.config import AgentConfig
from training.agent.examination import Examiner

_JSON = Flag("json", "one JSON object, nothing else", kind=Kind(scalar=bool))
_VERBOSE = Flag(
    "verbose", "2 shows tracebacks", kind=Kind(scalar=str, choices=("0", "1", "2")), bare="2"
)
_GROUPS = {
    "Agent to examine": (
        replace(FLAGS["profile"], help=f"one dial that sets the rest: {', '.join(PROFILES)}"),
        *(FLAGS[name] for name in ("device", "action_mode")),
        *(flag for flag in AGENT if flag.path is not None),
    ),
    "Screen": (_JSON, _VERBOSE),
}


def main(arguments: Sequence[str]) -> int:
    """Examine this machine and return the exit code."""
    return guarded(lambda: _run(arguments), tracebacks=wants_tracebacks(arguments))


def diagnose(request: Request, given: Given) -> Diagnosis:
    """Examine this machine for the agent of a command line.

    Args:
        request: What it comes to.
        given: The values that were typed, by name of the flag.

    Raises:
        ConfigError: If the device is missing, bf16 is asked for where it is not fast, or sizes do
            not fit each other.
    """
    config, provenance = request.config, request.provenance
    with _telling() as tell:
        found = Examiner(
            agent=_free(config.agent, provenance),
            env=config.env,
            features=config.features,
            device=config.device,
            threads_are_set=provenance["agent.n_threads"] == "flag",
            tell=tell,
        ).examine()
    around = look_around()
    return Diagnosis(
        profile=config.profile,
        asked=config.agent,
        found=found,
        around=around,
        odd=(*crowding(found), *oddities(found.hardware, around)),
        typed=given,
    )


def look_around() -> Surroundings:
    """Look at cache and screen; nothing is made there."""
    info = ArrayCache(default_cache_folder()).info()
    folder = info.folder.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_bytes = None
    with contextlib.suppress(OSError):
        free_bytes = shutil.disk_usage(existing).free
    return Surroundings(
        cache_folder=str(info.folder),
        cache_bytes=info.bytes,
        cache_writable=existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
        disk_free_bytes=free_bytes,
        columns=shutil.get_terminal_size((80, 24)).columns,
        encoding=output_encoding(),
    )


def _run(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    as_json = given.pop("json", False)
    diagnosis = diagnose(resolve(given), given)
    if as_json:
        say(json.dumps(facts(diagnosis), indent=2, allow_nan=False))
    else:
        print_page(diagnosis)
    return DONE


def _free(agent: AgentConfig, provenance: Mapping[str, str]) -> AgentConfig:
    """Leave to the examination what was not typed: our engine, and the precision."""
    if provenance["agent.engine"] != "flag":
        agent = replace(agent, engine="chunked")
    if provenance["agent.precision"] != "flag":
        agent = replace(agent, precision="auto")
    return agent


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Say on the terminal what is being done, on a line that goes away; elsewhere nothing."""
    stream: TextIO | None = sys.stderr
    if stream is None or not stream.isatty():
        yield lambda _text: None
        return

    def tell(text: str) -> None:
        print(f"\r\x1b[2K{text}", end="", file=stream, flush=True)

    try:
        yield lambda text: tell(f"{text} ...")
    finally:
        tell("")


def _words() -> Words:
    words = Words(
        "walkfast doctor",
        description="Show what this machine has and what the engine would do with it: precision,\n"
        "threads, env steps a second, environments. Takes about ten seconds; nothing\n"
        "is written. The flags are those of walkfast train.",
    )
    words.usage = "walkfast doctor [--profile NAME] [flags]"
    add_flags(words, _GROUPS, root=TrainingSettings, says=line)
    return words
