"""Which precision an agent learns faster in on this machine: measured, on its own updates.

bf16 is taken only where the hardware multiplies it faster and a short probe of real updates shows
so. Not here: what bf16 does to an update (`training.agent.recurrent_ppo`), how fast whole training
is (`training.agent.speed`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter

import torch
from sb3_contrib import RecurrentPPO

from envs.errors import ConfigError
from training.agent.build import build_agent
from training.agent.config import AgentConfig
from training.agent.hardware import BF16_COMPUTE_CAPABILITY, has_amx_bf16
from training.agent.noise_env import NoiseVecEnv
from training.agent.sizes import Precision
from training.seeds import globals_kept

Clock = Callable[[], float]
LEAST_SPEEDUP = 1.1
"""bf16 keeps 8 bits of a number; below this it is not worth that."""
_MOST_PAIRS, _MOST_EPOCHS, _FEWEST_ROWS = 15, 4, 16
_STILL = 1e-8  # learning the same minibatch over and over must not lead anywhere
_LARGEST_WORK = 12e9  # multiplications and additions: a tenth of a second of one core's float32


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A precision, and why.

    Attributes:
        precision: What to train in.
        reason: Why, as a clause.
        n_threads: Threads of the agent, and of what was timed.
        bf16_speedup: Seconds of a float32 update by those of a bf16 one, median of pairs that ran
            one after the other; None where it was not tried.
        n_pairs: Pairs that were timed.
    """

    precision: Precision
    reason: str
    n_threads: int
    bf16_speedup: float | None = None
    n_pairs: int = 0


def bf16_supported(device: torch.device) -> bool:
    """Say whether the hardware multiplies bf16 matrices faster than float32.

    That is AMX on a CPU (AVX512_BF16 alone gains nothing) and tensor cores since Ampere on CUDA.
    """
    if device.type == "cpu":
        return has_amx_bf16()
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= BF16_COMPUTE_CAPABILITY
    return False


def check_precision(config: AgentConfig, device: torch.device) -> None:
    """Refuse a precision that the device has no fast products for.

    Raises:
        ConfigError: If bf16 is asked for and `bf16_supported` says no.
    """
    if config.precision == "bf16" and not bf16_supported(device):
        raise ConfigError(
            "bf16 must be fast on this machine: AMX on a CPU, or compute capability 8.0 on a GPU",
            came=_missing(device),
            where="--precision",
            mend="use --precision fp32, or auto, which takes bf16 only where it is faster",
        )


def decide_precision(
    config: AgentConfig,
    *,
    n_inputs: int,
    n_actions: int,
    device: torch.device,
    clock: Clock = perf_counter,
) -> Probe:
    """Decide what an agent trains in: as set, or with `auto` what is faster, and say why.

    Raises:
        ConfigError: As `check_precision`.
    """
    check_precision(config, device)
    if config.precision != "auto":
        return Probe(precision=config.precision, reason="as set", n_threads=config.n_threads)
    if config.engine == "stock":
        reason = "the stock engine knows no other"
    elif not bf16_supported(device):
        reason = _missing(device)
    else:
        return probe_precision(
            config, n_inputs=n_inputs, n_actions=n_actions, device=device, clock=clock
        )
    return Probe(precision="fp32", reason=reason, n_threads=config.n_threads)


def probe_precision(
    config: AgentConfig,
    *,
    n_inputs: int,
    n_actions: int,
    device: torch.device,
    within_s: float = 1.0,
    clock: Clock = perf_counter,
) -> Probe:
    """Time real updates in both precisions, in turns, and take the median of the pairs' ratios.

    In turns, because a busy machine slows neighbours alike. Global random states and torch's
    thread settings are left as they were.

    Args:
        config: The agent; one minibatch of its size is learned again and again.
        n_inputs: Length of the observation.
        n_actions: Number of discrete actions.
        device: Where to.
        within_s: Seconds after which no further pair begins; one pair is always timed.
        clock: Gives seconds.
    """
    with globals_kept():
        agents = {
            precision: _ready_agent(
                replace(_one_minibatch(config, n_inputs), precision=precision),
                n_inputs=n_inputs,
                n_actions=n_actions,
                device=device,
            )
            for precision in _ORDER
        }

        def timed(precision: Precision) -> float:
            started_s = clock()
            agents[precision].train()  # ends by reading its statistics, so a GPU is done, too
            return clock() - started_s

        pairs = _timed_pairs(timed, within_s=within_s, clock=clock)
    return _judged(pairs, n_threads=config.n_threads)


_ORDER: tuple[Precision, Precision] = ("fp32", "bf16")


def _timed_pairs(
    timed: Callable[[Precision], float], *, within_s: float, clock: Clock
) -> list[tuple[float, float]]:
    """Time pairs of (fp32, bf16) updates; every second pair the other way round."""
    pairs: list[tuple[float, float]] = []
    end_s = clock() + within_s
    while not pairs or (clock() < end_s and len(pairs) < _MOST_PAIRS):
        order = _ORDER if len(pairs) % 2 == 0 else _ORDER[::-1]
        took_s = {precision: timed(precision) for precision in order}
        pairs.append((took_s["fp32"], took_s["bf16"]))
    return pairs


def _judged(pairs: list[tuple[float, float]], *, n_threads: int) -> Probe:
    speedup = median(fp32_s / bf16_s for fp32_s, bf16_s in pairs)
    is_faster = speedup >= LEAST_SPEEDUP
    needed = "" if is_faster else f"; below {LEAST_SPEEDUP:g} that is not worth its rounding"
    return Probe(
        precision="bf16" if is_faster else "fp32",
        reason=f"bf16 updates ran at {speedup:.2f} times the speed of float32{needed}",
        bf16_speedup=speedup,
        n_pairs=len(pairs),
        n_threads=n_threads,
    )


def _one_minibatch(config: AgentConfig, n_inputs: int) -> AgentConfig:
    """Shape a rollout that is one minibatch, its rows as long as the agent's own.

    A small one is learned several times in a go, so that what an update logs weighs little. A very
    large one gets fewer rows, which makes bf16 look no better than it is.
    """
    n_steps = math.gcd(config.n_steps, config.batch_size)
    n_units, n_layers = config.lstm_hidden_size, config.n_lstm_layers
    n_weights = 8 * n_units * (n_inputs + n_units + (n_layers - 1) * 2 * n_units)  # of two LSTMs
    most_rows = int(_LARGEST_WORK / (6 * n_weights * n_steps))
    n_envs = min(config.batch_size // n_steps, max(most_rows, _FEWEST_ROWS))
    return replace(
        config,
        n_steps=n_steps,
        n_envs=n_envs,
        batch_size=n_steps * n_envs,
        n_epochs=min(max(most_rows // n_envs, 1), _MOST_EPOCHS),
        learning_rate=_STILL,
        target_kl=None,
    )


def _ready_agent(
    config: AgentConfig, *, n_inputs: int, n_actions: int, device: torch.device
) -> RecurrentPPO:
    """Build an agent, play it a rollout and let it learn once: libraries choose kernels then."""
    env = NoiseVecEnv(n_envs=config.n_envs, n_inputs=n_inputs, n_actions=n_actions)
    agent = build_agent(env, config, seed=0, device=device.type)
    return agent.learn(config.rollout_steps)


def _missing(device: torch.device) -> str:
    if device.type == "cuda":
        return "this GPU has no bf16 tensor cores (they came with compute capability 8.0)"
    return "this processor has no AMX, and without it bf16 is not faster"
