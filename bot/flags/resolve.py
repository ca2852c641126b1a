"""What was typed + profile + defaults -> checked settings, and where each value came from.

A flag beats the profile, which beats what the embedded sample needs, which beats the defaults.
Nothing is parsed and ignored: a flag either moves a setting, or is refused with the reason.
Not here: the historical words and switches one by one (`bot.flags.words`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from bot.flags.benchmark_flags import take_benchmark
from bot.flags.chain_flags import Chains, take_chains
from bot.flags.flag import Flag
from bot.flags.parse import Given
from bot.flags.table import FLAGS, OUTPUT
from bot.flags.words import Draft, refuse_unavailable, translate_words
from bot.profiles import DEFAULT_PROFILE, SAMPLE_VALUES, Profile, profile_named
from envs.errors import ConfigError
from training.benchmark.config import BenchmarkConfig
from training.config import OutputConfig, RunConfig, original_config, with_values

FROM_DATA = frozenset(
    {
        "data.symbol",
        "data.point_value",
        "data.timezone",
        "data.timeframe",
        "data.day_first",
        "env.market.contract_size",
        "env.market.currency_conversion",
        "env.market.spread_points",
    }
)
"""Settings that the bars decide where nobody else does."""


@dataclass(frozen=True, kw_only=True)
class Screen:
    """What is shown while a run runs, and after it.

    Attributes:
        verbose: 0 the end only, 1 progress, 2 decisions and tracebacks too.
        quiet: Nothing but warnings and errors.
        json: Events as JSON lines on standard output.
        report: Whether `report.html` is written.
    """

    verbose: int = 1
    quiet: bool = False
    json: bool = False
    report: bool = True


@dataclass(frozen=True, kw_only=True)
class Request:
    """A command line, understood.

    Attributes:
        config: What to train.
        output: Where results go.
        screen: What is shown.
        resume: Whether there must be a run to go on with.
        provenance: Who set each setting, by dotted path of `RunConfig`: `flag`, `derived` (follows
            a flag), `script` (the door), `profile:NAME`, `sample`, `data` or `default`.
        notes: What the dials did, as sentences.
        benchmark: What to compare, and for how long; None trains.
        chains: Which seeds to train side by side; None trains `config` alone.
    """

    config: RunConfig
    output: OutputConfig
    screen: Screen
    resume: bool
    provenance: Mapping[str, str]
    notes: tuple[str, ...]
    benchmark: BenchmarkConfig | None = None
    chains: Chains | None = None


def resolve(given: Given, *, original: bool = False, results_dir: Path | None = None) -> Request:
    """Turn what was typed into settings.

    Args:
        given: Values by name of the flag.
        original: Whether the door asks for the original training (`train_ppo.py`).
        results_dir: Where this door writes unless told otherwise; None is `results`.

    Raises:
        ConfigError: If a value is out of range, a flag contradicts another, or would not act.
    """
    left = dict(given)
    refuse_unavailable(left)
    benchmark, chains = take_benchmark(left), take_chains(left)
    screen, resume = _screen(left), bool(left.pop("resume", False))
    base = _base(left, original=original)
    draft = Draft(config=base.config, given=left)
    draft.take_settings()
    translate_words(draft)
    assert not draft.given, f"parsed and ignored: {sorted(draft.given)}"
    config = _checked(draft)
    output = _output(draft, results_dir)
    check_acting((FLAGS[name] for name in given if name not in draft.idle), config)
    _check_resume(resume, output)
    _check_calibrate(config, output)
    return Request(
        config=config,
        output=output,
        screen=screen,
        resume=resume,
        provenance=_provenance(config, draft, base.sources),
        notes=(*_base_notes(base, draft), *draft.notes),
        benchmark=benchmark,
        chains=chains,
    )


def check_acting(flags: Iterable[Flag], config: RunConfig) -> None:
    """Refuse flags that would change nothing under these settings.

    Raises:
        ConfigError: For the first of them, with the setting it would need.
    """
    now = dict(leaves(config))
    for flag in flags:
        condition = flag.acts_with
        if condition is None:
            continue
        value = now[condition.path]
        acts = value in condition.values if condition.values else value is not None
        if not acts:
            raise _idle(flag, condition.path, value, condition.values)


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk over all settings of a configuration as (dotted path, value)."""
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            yield from leaves(value, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}", value


def profile_config(profile: Profile) -> RunConfig:
    """Return the settings that a profile gives when no flag is typed and a file is read."""
    return with_values(RunConfig(profile=profile.name), profile.values)


@dataclass(frozen=True, kw_only=True)
class _Base:
    """The settings before flags, who set them, and what that was; `profile` None is original."""

    config: RunConfig
    sources: Mapping[str, str]
    profile: Profile | None
    sample: bool = False


def _base(given: Given, *, original: bool) -> _Base:
    typed_method = "use_original_training" in given
    wanted = given.pop("use_original_training", original)
    profile = given.pop("profile", None)
    typed = {"profile": "flag"} if profile is not None else {}
    if typed_method:
        typed["method"] = "flag"
    if wanted:
        return _original_base(profile, typed)
    chosen = profile_named(profile or DEFAULT_PROFILE)
    sample = {} if "data_path" in given else SAMPLE_VALUES
    sources = dict.fromkeys(sample, "sample")
    sources |= dict.fromkeys(chosen.values, f"profile:{chosen.name}")
    return _Base(
        config=with_values(RunConfig(profile=chosen.name), {**sample, **chosen.values}),
        sources=sources | typed,
        profile=chosen,
        sample=bool(sample),
    )


def _original_base(profile: str | None, typed: dict[str, str]) -> _Base:
    if profile is not None and profile_named(profile).name != "legacy":
        raise ConfigError(
            "The original training has no profile but legacy",
            came=f"--profile {profile}",
            mend="drop one of --profile and --use_original_training",
        )
    config = original_config()
    plain = dict(leaves(RunConfig()))
    changed = [path for path, value in leaves(config) if value != plain[path]]
    asked_by = typed.get("method", "script")
    sources = dict.fromkeys(changed, "profile:legacy") | {"method": asked_by, "profile": asked_by}
    return _Base(config=config, sources=sources | typed, profile=None)


def _base_notes(base: _Base, draft: Draft) -> Iterator[str]:
    """Say what the dials set, and leave out what a flag set instead."""
    if base.profile is None:
        yield (
            "Original training: one environment, the large network, no rule but the best "
            "evaluation."
        )
        return
    if base.profile.values:
        yield _profile_note(base.profile, draft.values)
    if base.sample:
        yield _sample_note(base.profile, draft.values)


def _profile_note(profile: Profile, typed: Mapping[str, Any]) -> str:
    plain = dict(leaves(RunConfig()))
    moved = {path: value for path, value in profile.values.items() if value != plain[path]}
    won = [
        f"{_last(path)} {_shown(value)} (default {_shown(plain[path])})"
        for path, value in moved.items()
        if path not in typed
    ]
    beaten = [_last(path) for path in moved if path in typed]
    if not beaten:
        return f"Profile {profile.name}: {profile.says} It sets {', '.join(won)}."
    sets = f"it sets {', '.join(won)}; " if won else ""
    return f"Profile {profile.name}: {sets}flags decide {', '.join(beaten)}."


def _sample_note(profile: Profile, typed: Mapping[str, Any]) -> str:
    moved = [
        f"{_last(path)} {_shown(value)}"
        for path, value in SAMPLE_VALUES.items()
        if path not in profile.values and path not in typed
    ]
    note = "No --data_path: the embedded sample, a planted market whose optimum is known."
    return f"{note} For it {', '.join(moved)}, unless a flag says otherwise." if moved else note


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _screen(given: Given) -> Screen:
    verbose, quiet = given.pop("verbose", None), given.pop("quiet", False)
    json, report = given.pop("json", False), given.pop("report", True)
    if quiet and (json or verbose not in (None, "0")):
        other = "--json" if json else f"--verbose {verbose}"
        raise ConfigError(
            "--quiet stands alone", came=f"--quiet and {other}", mend=f"drop --quiet or {other}"
        )
    return Screen(verbose=0 if quiet else int(verbose or 1), quiet=quiet, json=json, report=report)


def _checked(draft: Draft) -> RunConfig:
    values = {path: value for path, value in draft.values.items() if not path.startswith(OUTPUT)}
    try:
        return with_values(draft.config, values)
    except ConfigError as error:
        raise _blamed(error, draft, values) from error


def _output(draft: Draft, results_dir: Path | None) -> OutputConfig:
    values = {
        path.removeprefix(OUTPUT): value
        for path, value in draft.values.items()
        if path.startswith(OUTPUT)
    }
    folder = values.pop("results_dir", results_dir)
    if folder is not None:
        values["results_dir"] = Path(folder).expanduser()
    return OutputConfig(**values)


def _blamed(error: ConfigError, draft: Draft, values: Mapping[str, Any]) -> ConfigError:
    """Name the flag whose value alone makes the same mistake."""
    for path, value in values.items():
        try:
            with_values(draft.config, {path: value})
        except ConfigError as alone:
            if alone.must_hold == error.must_hold:
                return ConfigError(
                    _named(error.must_hold, path, draft),
                    came=error.came,
                    where=draft.flag_of(path),
                    mend=error.mend,
                )
    return error


def _named(must_hold: str, path: str, draft: Draft) -> str:
    """Put what was typed in place of the setting that a sentence begins with."""
    name = _last(path)
    if not must_hold.startswith(f"{name} "):
        return must_hold
    return f"{draft.flag_of(path)}{must_hold.removeprefix(name)}"


def _idle(flag: Flag, path: str, value: Any, values: tuple[Any, ...]) -> ConfigError:
    setter = next((f.option for f in FLAGS.values() if f.path == path), path)
    wanted = f"{setter} {' or '.join(map(str, values))}" if values else setter
    return ConfigError(
        f"{flag.option} only acts with {wanted}",
        came=f"{setter} {_shown(value)}" if value is not None else f"no {setter}",
        mend=f"drop {flag.option}, or choose {wanted}",
    )


def _check_resume(resume: bool, output: OutputConfig) -> None:
    if resume and output.fresh:
        raise ConfigError(
            "A run goes on or begins anew",
            came="--resume and --fresh",
            mend="drop --fresh to go on, or --resume to begin anew beside the old run",
        )


def _check_calibrate(config: RunConfig, output: OutputConfig) -> None:
    if output.calibrate and config.method == "original":
        raise ConfigError(
            "--calibrate compares a training with the original",
            came="the original training itself",
            mend="drop --calibrate, or train with a profile, as train_ppo_optimized.py does",
        )


def _provenance(config: RunConfig, draft: Draft, sources: Mapping[str, str]) -> dict[str, str]:
    def source(path: str, value: Any) -> str:
        if path in draft.values:
            return "derived" if path in draft.derived else "flag"
        if path in sources:
            return sources[path]
        return "data" if path in FROM_DATA and value is None else "default"

    return {path: source(path, value) for path, value in leaves(config)}


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else f"{value}"
