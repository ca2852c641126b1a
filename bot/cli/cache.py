"""`walkfast cache info|clear`: what the cache of bars and features holds, and emptying it.

Not here: the cache itself (`envs.array_cache`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from bot.cli.boundary import DONE, guarded
from bot.cli.output import say
from bot.flags.flag import Flag
from bot.flags.parse import UsageError, Words, add_flags
from bot.flags.values import Kind
from bot.wording import size
from envs.array_cache import FOLDER_VARIABLE, ArrayCache, CacheInfo, default_cache_folder
from envs.errors import UnknownNameError

_ACTIONS = ("info", "clear")
_JSON = Flag("json", "one JSON object, nothing else", kind=Kind(scalar=bool))


def main(arguments: Sequence[str]) -> int:
    """Show or clear the cache, and return the exit code."""
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    given = _words().read(arguments)
    action, as_json = given.pop("action", None), given.pop("json", False)
    if action is None:
        raise UsageError("What to do must be said", came="nothing", mend="info or clear")
    if action not in _ACTIONS:
        raise UnknownNameError.of("cache action", action, _ACTIONS)
    cache = ArrayCache(default_cache_folder())
    (_clear if action == "clear" else _info)(cache, as_json=as_json)
    return DONE


def _clear(cache: ArrayCache, *, as_json: bool) -> None:
    before, n_removed = cache.info(), cache.clear()
    if as_json:
        say(json.dumps({"removed_entries": n_removed, "removed_bytes": before.bytes}))
    else:
        say(f"{n_removed} entries removed, {size(before.bytes)}, from {cache.folder}")


def _info(cache: ArrayCache, *, as_json: bool) -> None:
    info = cache.info()
    say(json.dumps(_stored(info)) if as_json else "\n".join(_lines(info)))


def _stored(info: CacheInfo) -> dict[str, object]:
    """Leave out what counts within one process: here it is always zero."""
    kept = ("folder", "max_bytes", "entries", "bytes")
    return {
        name: str(v) if name == "folder" else v for name, v in asdict(info).items() if name in kept
    }


def _lines(info: CacheInfo) -> list[str]:
    return [
        f"Folder    {info.folder} (set {FOLDER_VARIABLE} to move it)",
        f"Entries   {info.entries}",
        f"Size      {size(info.bytes)} of at most {size(info.max_bytes)}; "
        "beyond that the least recently used go",
    ]


def _words() -> Words:
    words = Words(
        "walkfast cache",
        description="The cache of bars and features: found by content, shared by all runs.\n"
        "Clearing it loses nothing but time.",
    )
    words.usage = "walkfast cache info|clear [--json]"
    words.add_argument("action", metavar="info|clear", nargs="?", help="what to do")
    add_flags(words, {"Screen": (_JSON,)}, root=object, says=lambda flag: flag.help)
    return words
