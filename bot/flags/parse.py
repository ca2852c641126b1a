"""From words to what was given: unknown flags and unreadable values end here, with exit code 2.

`-` and `_` are spelled alike. Only flags that were typed are in the answer, so that a profile can
stand between a flag and a default. Not here: what the values mean (`bot.flags.resolve`).
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Never

from bot.flags.flag import Flag
from bot.flags.values import Kind, read_value, read_values
from envs.errors import ConfigError

Given = dict[str, Any]
"""Values by name of the flag; only those that were typed."""


class UsageError(ConfigError):
    """Words that are no command line."""


class Words(argparse.ArgumentParser):
    """argparse whose mistakes are `UsageError`, and which knows `-` and `_` as one."""

    def __init__(self, program: str, *, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=program,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            add_help=False,
            argument_default=argparse.SUPPRESS,
            formatter_class=_Page,
        )
        self.add_argument("-h", "--help", action="help", help="show this page")

    def error(self, message: str) -> Never:
        """Raise what argparse would print."""
        mend = f"see {self.prog} --help"
        if "ignored explicit" in message:
            mend = f"a switch takes true, false or nothing, and --no-FLAG is off ({mend})"
        if "expected" in message:
            mend = f"give it one; write --flag=VALUE where it begins with a dash ({mend})"
        raise UsageError("The command line must be readable", came=message, mend=mend)

    def read(self, arguments: Sequence[str]) -> Given:
        """Read a command line.

        Raises:
            UsageError: If a flag is unknown, lacks its value, or stands without a flag.
            ConfigError: If a value cannot be read.
        """
        words = _one_spelling(arguments)
        names, left = self.parse_known_args(self._with_answers(words))
        if left:
            raise self._unknown(left, typed=dict(zip(words, arguments, strict=True)))
        return vars(names)

    def _with_answers(self, words: Sequence[str]) -> list[str]:
        """Take `--x true`, `--x false` and `--x=false`, too, where `--x` is a switch."""
        done: list[str] = []
        for word in words:
            name, _, value = word.partition("=")
            if self._is_switch(name) and value.lower() in _ANSWERS:
                done.append(_answered(name, value))
            elif done and self._is_switch(done[-1]) and word.lower() in _ANSWERS:
                done[-1] = _answered(done[-1], word)
            else:
                done.append(word)
        return done

    def _is_switch(self, word: str) -> bool:
        return isinstance(self._option_string_actions.get(word), _OnOff)

    def _unknown(self, left: Sequence[str], typed: Mapping[str, str]) -> UsageError:
        left = [typed.get(word, word) for word in left]
        flags = [word.partition("=")[0] for word in left if word.startswith("-")]
        if not flags:
            return UsageError(
                "Every value must follow its flag",
                came=" ".join(left),
                mend=f"see {self.prog} --help",
            )
        known = [word for word in self._option_string_actions if word.startswith("--")]
        hints = (_hint(flag, known) for flag in flags)
        return UsageError(
            "Every flag must be a known one",
            came=", ".join(flags),
            mend=" ".join([*filter(None, hints), f"{self.prog} --help lists them"]),
        )


def add_flags(
    words: Words, groups: Mapping[str, Iterable[Flag]], *, root: type, says: SaysHelp
) -> None:
    """Add flags to a parser, a heading for each group.

    Args:
        words: The parser.
        groups: Flags by heading.
        root: The dataclass in which their paths are looked up.
        says: Makes the help line of a flag.
    """
    for title, flags in groups.items():
        group = words.add_argument_group(title)
        for flag in flags:
            _add(group, flag, flag.kind_in(root), says(flag))


SaysHelp = Callable[[Flag], str]
"""Makes the help line of a flag."""


def _add(group: argparse._ArgumentGroup, flag: Flag, kind: Kind, line: str) -> None:
    names = [f"--{name}" for name in (flag.name, *flag.aliases)]
    line = line.replace("%", "%%")
    if kind.scalar is bool:
        group.add_argument(*names, dest=flag.name, help=line, action=_OnOff)
    elif kind.many:
        group.add_argument(
            *names,
            dest=flag.name,
            help=line,
            action=_Many,
            kind=kind,
            nargs="*",
            metavar=flag.word or kind.metavar,
        )
    else:
        action = group.add_argument(
            *names,
            dest=flag.name,
            help=line,
            type=lambda text: _read(flag, kind, text),
            metavar=flag.word or kind.metavar,
        )
        if flag.bare is not None:
            action.nargs, action.const = "?", flag.bare


def _read(flag: Flag, kind: Kind, text: str) -> Any:
    if text.lower() in flag.elsewhere:
        raise ConfigError(
            f"{flag.option} must be one of {', '.join(kind.choices)}",
            came=text,
            mend=f"{text} is a word of {flag.elsewhere[text.lower()]}",
        )
    return read_value(kind, text, flag.option)


class _Page(argparse.RawDescriptionHelpFormatter):
    """The help page: switches as `--[no-]x`, a column wide enough for most flags."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not isinstance(action, _OnOff):
            return super()._format_action_invocation(action)
        return f"--[no-]{action.option_strings[0][2:]}"


class _OnOff(argparse.Action):
    """`--x` and `--no-x`."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(
            option_strings=[*option_strings, *(f"--no_{name[2:]}" for name in option_strings)],
            dest=dest,
            nargs=0,
            **settings,
        )

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        assert option_string is not None
        setattr(namespace, self.dest, not option_string.startswith("--no_"))


class _Many(argparse.Action):
    """Several values, read together."""

    def __init__(
        self, option_strings: Sequence[str], dest: str, *, kind: Kind, **settings: Any
    ) -> None:
        super().__init__(option_strings, dest, **settings)
        self.kind = kind

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        assert option_string is not None
        setattr(namespace, self.dest, read_values(self.kind, values, option_string))


_ANSWERS = ("true", "false")


def _answered(switch: str, answer: str) -> str:
    """Turn a switch that is told `false` around."""
    if answer.lower() == "true":
        return switch
    return f"--{switch[5:]}" if switch.startswith("--no_") else f"--no_{switch[2:]}"


def _one_spelling(arguments: Sequence[str]) -> list[str]:
    return [_spelled(word) for word in arguments]


def _spelled(word: str) -> str:
    if not word.startswith("--") or word == "--":
        return word
    name, equals, value = word[2:].partition("=")
    return f"--{name.replace('-', '_')}{equals}{value}"


def _hint(flag: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(_spelled(flag), known, n=1)
    return f"for {flag} did you mean {near[0]}?" if near else ""
