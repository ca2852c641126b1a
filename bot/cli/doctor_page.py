"""`Diagnosis`: all that `walkfast doctor` shows, as a page and as JSON values.

Not here: how it was found out (`bot.cli.doctor`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.table import Table

from bot.cli.oddities import Surroundings, cores_text
from bot.cli.output import entry, say, show, width
from bot.profiles import DEFAULT_PROFILE
from bot.wording import decimal, duration, percent, size, whole
from training.agent.config import AgentConfig
from training.agent.examination import WORTH_IT, Examination
from training.agent.hardware import Gpu, Hardware
from training.agent.kernel import kernel_state
from training.agent.speed import Speed
from training.machine import versions

_RECOMMENDED = ("engine", "n_envs", "n_steps", "precision", "n_threads")


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All that is shown.

    Attributes:
        profile: Name of the profile that was asked about.
        asked: The agent as flags and profile say; what was measured may have our engine instead.
        found: What was found and measured.
        around: Cache and screen.
        odd: What is missing or odd, as sentences.
        typed: Values of the flags that were typed, by name.
    """

    profile: str
    asked: AgentConfig
    found: Examination
    around: Surroundings
    odd: tuple[str, ...]
    typed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def flags(self) -> str:
        """Flags of `walkfast train` that take what is recommended, and what was typed besides."""
        best = self.found.recommended.config
        names = [n for n in _RECOMMENDED if best.engine != "stock" or n != "precision"]
        chosen = [(name, getattr(best, name)) for name in names]
        if self.profile != DEFAULT_PROFILE:
            chosen.insert(0, ("profile", self.profile))
        known = {"profile", "verbose", *names}
        chosen += [item for item in self.typed.items() if item[0] not in known]
        return " ".join(as_typed(name, value) for name, value in chosen)


def as_typed(name: str, value: Any) -> str:
    """Write a flag with its value as the command line takes it."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    if isinstance(value, tuple):
        return f"--{name} {' '.join(map(str, value)) or ','}"
    return f"--{name} {'none' if value is None else value}"


def facts(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return all of it as JSON values."""
    found = diagnosis.found
    return {
        "hardware": found.hardware.to_json(),
        "versions": versions(),
        "surroundings": asdict(diagnosis.around),
        "profile": diagnosis.profile,
        "agent": asdict(diagnosis.asked),
        "device": found.device,
        "lstm_kernel": kernel_state().reason,
        "precision": asdict(found.probe),
        "threads": asdict(found.threads),
        "speed": _speed_facts(found.speed),
        "environments": [_speed_facts(speed) for speed in found.speeds],
        "n_environments_left_out": found.n_left_out,
        "recommended": _speed_facts(found.recommended),
        "flags": diagnosis.flags,
        "other_cores": found.other_cores,
        "stolen_cores": found.stolen_cores,
        "odd": list(diagnosis.odd),
        "duration_s": found.duration_s,
    }


def print_page(diagnosis: Diagnosis) -> None:
    """Print the page on standard output."""
    _print_entries(_machine(diagnosis))
    say()
    _print_entries(_engine(diagnosis))
    say()
    show(_environments(diagnosis.found))
    say()
    _print_entries(_advice(diagnosis))
    say()
    _print_entries(_odd(diagnosis.odd))
    say()
    say("To train so, add to walkfast train:")
    say(f"  {diagnosis.flags}")  # not wrapped, to be copied


def _print_entries(entries: Iterable[tuple[str, str]]) -> None:
    for label, text in entries:
        for row in entry(label, text, width()):
            say(row)


def _machine(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    hardware, around, found = diagnosis.found.hardware, diagnosis.around, versions()
    yield "Processor", f"{hardware.processor}, {hardware.architecture}, {hardware.system}"
    yield "Cores", _cores(hardware)
    yield "Instructions", _instructions(hardware)
    free = size(hardware.available_memory_bytes)
    yield "Memory", f"{size(hardware.memory_bytes)}, {free} of it free"
    yield "GPU", "; ".join(map(_gpu, hardware.gpus)) or "none that torch can use"
    cuda = f"CUDA {hardware.torch_cuda}" if hardware.torch_cuda else "no CUDA"
    others = ", ".join(f"{n} {found[n]}" for n in ("numpy", "stable-baselines3", "sb3-contrib"))
    yield "Versions", f"walkfast {found['walkfast']}, torch {found['torch']} ({cuda}), {others}"
    free = "" if around.disk_free_bytes is None else f"; {size(around.disk_free_bytes)} free there"
    writable = "writable" if around.cache_writable else "not writable"
    yield "Cache", f"{size(around.cache_bytes)} in {around.cache_folder}, {writable}{free}"
    yield "Screen", f"{around.columns} columns, {around.encoding}"


def _cores(hardware: Hardware) -> str:
    physical = hardware.n_physical_cores
    told = "" if physical is None else f"{physical} physical, "
    load = "" if hardware.load is None else f"; load {decimal(hardware.load, 1)}"
    return f"{told}{hardware.n_logical_cores} logical; usable: {cores_text(hardware)}{load}"


def _instructions(hardware: Hardware) -> str:
    avx512 = "AVX-512" if hardware.has_avx512 else "no AVX-512"
    amx = "AMX bf16" if hardware.has_amx_bf16 else "no AMX"
    return f"{avx512}, {amx}; torch's kernels use {hardware.vector_unit}"


def _gpu(gpu: Gpu) -> str:
    major, minor = gpu.compute_capability
    return f"{gpu.name}, {size(gpu.memory_bytes)}, compute capability {major}.{minor}"


def _engine(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    found = diagnosis.found
    agent, probe, threads = found.speed.config, found.probe, found.threads
    yield "Agent", _agent(agent)
    yield "Engine", _engine_name(diagnosis)
    yield "LSTM kernel", kernel_state().reason
    yield "Precision", f"{probe.precision}: {probe.reason}"
    yield "Threads", f"{threads.n_threads}: {threads.reason}"
    yield "Speed", _speed(found.speed)


def _agent(agent: AgentConfig) -> str:
    heads = " ".join(map(str, agent.net_arch)) or "none"
    return (
        f"LSTM {agent.lstm_hidden_size} x {agent.n_lstm_layers}, critic's {agent.critic_lstm}, "
        f"layers {heads}; environments {agent.n_envs} x {agent.n_steps} steps, minibatch "
        f"{whole(agent.batch_size)}, {agent.n_epochs} epochs"
    )


def _engine_name(diagnosis: Diagnosis) -> str:
    asked, measured = diagnosis.asked.engine, diagnosis.found.speed.config.engine
    if asked == measured:
        return f"{measured}, on {diagnosis.found.device}"
    return (
        f"{measured}, on {diagnosis.found.device}; profile {diagnosis.profile} trains with "
        f"{asked}, which --engine {asked} would measure"
    )


def _speed(speed: Speed) -> str:
    share = speed.rollout_s / (speed.rollout_s + speed.update_s)
    episodes = speed.mean_episode_bars
    ended = "" if episodes is None else f"; an episode ended every {whole(episodes)} steps"
    return (
        f"{whole(speed.steps_per_s)} env steps/s, rollouts {percent(share, 0, signed=False)} and "
        f"updates {percent(1 - share, 0, signed=False)} of the time{ended}"
    )


def _environments(found: Examination) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("Environments", "Steps", "Rollout", "Env steps/s", "Relative"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for speed in found.speeds:
        agent = speed.config
        table.add_row(
            whole(agent.n_envs),
            whole(agent.n_steps),
            whole(agent.rollout_steps),
            whole(speed.steps_per_s),
            decimal(speed.steps_per_s / found.speed.steps_per_s),
            _mark(speed, found),
        )
    return table


def _mark(speed: Speed, found: Examination) -> str:
    marks = [
        name
        for name, marked in (("as asked", found.speed), ("recommended", found.recommended))
        if speed is marked
    ]
    return ", ".join(marks)


def _advice(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    found = diagnosis.found
    best, gain = found.recommended.config, found.recommended.steps_per_s / found.speed.steps_per_s
    near = percent(1 - 1 / WORTH_IT, 0, signed=False)
    if found.recommended is found.speed:
        yield "Recommended", f"the {best.n_envs} environments asked for: within {near} of the best."
    else:
        yield (
            "Recommended",
            f"{best.n_envs} environments of {best.n_steps} steps, the fewest within {near} of the "
            f"best: {decimal(gain)} times the speed of what was asked for. This changes what is "
            "learned (shorter rollouts look back less far, larger ones are learned from less "
            "often): compare the results of two runs before you keep it.",
        )
    if found.n_left_out:
        sizes = "size" if found.n_left_out == 1 else "sizes"
        what = f"{found.n_left_out} larger {sizes}"
        yield "Left out", f"{what}, which would have taken too long here."
    yield (
        "Measured",
        f"in {duration(found.duration_s)}, on few rollouts and one epoch of each update: the "
        "figures vary by some percent.",
    )


def _odd(sentences: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for index, sentence in enumerate(sentences or ("nothing.",)):
        yield "" if index else "Odd", sentence


def _speed_facts(speed: Speed) -> dict[str, Any]:
    agent = speed.config
    return {
        "n_envs": agent.n_envs,
        "n_steps": agent.n_steps,
        "batch_size": agent.batch_size,
        "steps_per_s": speed.steps_per_s,
        "rollout_s": speed.rollout_s,
        "update_s": speed.update_s,
        "mean_episode_bars": speed.mean_episode_bars,
        "n_rounds": speed.n_rounds,
    }
