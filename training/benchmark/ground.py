"""On what a run was made: code, versions, machine; and where the runs of a benchmark differ in it.

A benchmark may go on for days, in other sessions, after an update: so every run tells its own. Not
here: the machine itself (`training.machine`), who is warned before a session goes on
(`training.benchmark.resume`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from training.benchmark.arms import spelled
from training.machine import describe_machine, versions
from training.significance.counted import counted

MACHINE = ("processor", "n_usable_cores", "python")
"""What of a machine may not differ where times are compared."""
_PACKAGES = ("bot", "envs", "training")
SPARE_LOAD = 0.5
"""How far the load may be above the usable cores before a machine is called busy."""
Content = Mapping[str, Any]


def ground() -> dict[str, Any]:
    """Return what the runs of this process rest on: `versions`, `machine` and `code`."""
    return {"versions": versions(), "machine": describe_machine(), "code": code_sha256()}


@cache
def code_sha256() -> str:
    """Return a hash over the source files of walkfast as they lie on disk, the same everywhere.

    Read once for a process, at its first use: call it early, and what was loaded is what is hashed.
    """
    return hash_of_sources(Path(__file__).parents[2])


def hash_of_sources(root: Path) -> str:
    """Hash names and contents of all modules of walkfast's packages.

    Args:
        root: The folder with the packages; one that is missing has no modules.
    """
    digest = sha256()
    files = sorted(path for name in _PACKAGES for path in (root / name).rglob("*.py"))
    for path in files:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def shared_ground(units: Sequence[Content]) -> dict[str, Any]:
    """Return `versions`, `machine` and `code` of the last finished run that tells them.

    Those of this process where none does. Where runs differ, `differences` has the rest.
    """
    told = [unit["ground"] for unit in units if unit.get("ground")]
    return dict(told[-1]) if told else ground()


def machine_load(units: Sequence[Content]) -> dict[str, Any] | None:
    """Return how busy the machine was when runs ended, their own threads included.

    Args:
        units: Finished runs.

    Returns:
        `median` and `highest` of the one-minute load averages, `n_runs` that tell one, and
        `n_busy` of them with more than their cores can do; None where no run tells it.
    """
    told = [unit for unit in units if unit.get("load_average")]
    if not told:
        return None
    loads = [float(unit["load_average"][0]) for unit in told]
    cores = shared_ground(units)["machine"]["n_usable_cores"]
    return {
        "median": median(loads),
        "highest": max(loads),
        "n_runs": len(loads),
        "n_busy": sum(load > cores + SPARE_LOAD for load in loads),
        "n_cores": cores,
    }


def busy(units: Sequence[Content]) -> Iterator[str]:
    """Yield that the machine had more to do than it can, where it had."""
    load = machine_load(units)
    if load is not None and load["n_busy"]:
        yield (
            f"The machine was busy: at the end of {load['n_busy']} of "
            f"{counted(load['n_runs'], 'run')} it had more to do than its {load['n_cores']:g} "
            f"cores can (load {load['median']:.1f}, up to {load['highest']:.1f}). Times are too "
            "long and vary more; what several threads gain is lost first, so that even ratios may "
            "be off."
        )


def flat_ground(told: Content) -> dict[str, str]:
    """Return a value by name of what may not differ where times are compared.

    Args:
        told: `versions`, `machine` and `code`, as far as they are told.
    """
    machine = told.get("machine", {})
    found = {**told.get("versions", {}), **{x: machine[x] for x in MACHINE if x in machine}}
    if told.get("code"):
        found["walkfast's source"] = told["code"][:12]
    return {name: str(value) for name, value in found.items()}


def differences(units: Sequence[Content]) -> Iterator[str]:
    """Yield what runs that stand in one table do not share, a sentence each.

    Args:
        units: Finished runs.
    """
    flat = [(unit, flat_ground(unit["ground"])) for unit in units if unit.get("ground")]
    names = dict.fromkeys(name for _, values in flat for name in values)
    listed = [clause for name in names if (clause := _differs(name, flat)) is not None]
    if listed:
        yield (
            f"The runs are mixed: {'; '.join(listed)}. Times and scores of both stand in one "
            "table; take none of them as measured side by side, or begin anew with --fresh."
        )
    if 0 < len(flat) < len(units):
        yield (
            f"Of an older version of walkfast, {len(units) - len(flat)} of "
            f"{counted(len(units), 'run')}: with which code and on which machine is not known."
        )


def _differs(name: str, flat: Sequence[tuple[Content, dict[str, str]]]) -> str | None:
    """Say which values there are and in which runs; None where there is but one."""
    runs: dict[str, list[str]] = {}
    for unit, values in flat:
        arm = spelled(unit["arm"])
        runs.setdefault(values.get(name, "not told"), []).append(f"{arm} {unit['seed']}")
    if len(runs) < 2:
        return None
    return f"{name} " + ", ".join(f"{value} ({_some(who)})" for value, who in runs.items())


def _some(runs: Sequence[str]) -> str:
    return ", ".join(runs) if len(runs) <= 3 else f"{', '.join(runs[:2])} and {len(runs) - 2} more"
