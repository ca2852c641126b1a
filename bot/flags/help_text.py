"""The page of `walkfast train --help`: flags with their defaults, profile by profile, as they are.

Defaults are read from the profiles' own settings, so that the page cannot say anything else.
"""

from __future__ import annotations

import textwrap
from functools import cache
from typing import Any

from bot.flags.flag import Flag
from bot.flags.parse import Words, add_flags
from bot.flags.resolve import leaves, profile_config
from bot.flags.table import GROUPS, OUTPUT, TrainingSettings
from bot.flags.values import Kind
from bot.profiles import DEFAULT_PROFILE, PROFILES
from training.config import OutputConfig

_DESCRIPTION = """\
Train a PPO-LSTM agent walk-forward: fold after fold it learns on train bars,
is chosen on validation bars and tested once on bars that nothing has seen.

A flag beats the profile, which beats the default. `-` and `_` are alike, and
`none` switches an optional value off. In [brackets]: the default, then the
profiles that differ from it."""


def training_words(program: str) -> Words:
    """Build the parser of training, as `walkfast train` and the historical scripts use it."""
    words = Words(program, description=_DESCRIPTION, epilog=_profiles())
    words.usage = f"{program} [--data_path FILE] [--profile NAME] [flags]"
    add_flags(words, GROUPS, root=TrainingSettings, says=line)
    return words


def line(flag: Flag) -> str:
    """Return the help of a flag, with its choices and its defaults."""
    kind = flag.kind_in(TrainingSettings)
    choices = (
        f" ({', '.join(kind.choices)})" if kind.choices and not _spelled_out(flag, kind) else ""
    )
    default = f" [{_default(flag)}]" if flag.shown and flag.path is not None else ""
    return f"{flag.help}{choices}{default}"


def _spelled_out(flag: Flag, kind: Kind) -> bool:
    return all(choice in flag.help for choice in kind.choices)


def _default(flag: Flag) -> str:
    assert flag.path is not None
    if flag.path.startswith(OUTPUT):
        return _shown(getattr(OutputConfig(), flag.path.removeprefix(OUTPUT)))
    values = {name: settings[flag.path] for name, settings in _settings().items()}
    plain = values.pop(DEFAULT_PROFILE)
    others = [f"{name} {_shown(value)}" for name, value in values.items() if value != plain]
    return "; ".join([_shown(plain), *([", ".join(others)] if others else [])])


@cache
def _settings() -> dict[str, dict[str, Any]]:
    return {name: dict(leaves(profile_config(profile))) for name, profile in PROFILES.items()}


def _profiles() -> str:
    width = max(map(len, PROFILES))
    lines = [
        textwrap.fill(
            profile.says,
            79,
            initial_indent=f"  {name:<{width}}  ",
            subsequent_indent=" " * (width + 4),
        )
        for name, profile in PROFILES.items()
    ]
    return "\n".join(
        [
            "profiles (--profile NAME; default balanced):",
            *lines,
            "",
            "examples:",
            "  walkfast train                                 the embedded sample",
            "  walkfast train --data_path XAUUSD.csv --profile fast",
            "  walkfast train --data_path XAUUSD.csv --total_timesteps 50_000",
        ]
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, int):
        return f"{value:,}"
    return (
        f"{value:g}"
        if isinstance(value, float)
        else str(value).lower()
        if value is None
        else str(value)
    )
