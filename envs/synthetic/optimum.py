"""What can be earned on a planted market: the Bayes filter and the best threshold policy on it.

All figures are in units of return a bar, net of costs. A position decided on bar t earns the
return of bar t+1; a change of position by one costs one side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from envs.synthetic.markets import PlantedConfig, PlantedMarket, simulate

OPTIMUM_BARS = 800_000
SEARCH_BARS = 100_000
OPTIMUM_SEED = 150
COARSE_STEP, FINE_STEP = 0.05, 0.01


@dataclass(frozen=True, kw_only=True)
class ThresholdPolicy:
    """Trade on the posterior: long from `enter_at` on until it falls below `exit_below`.

    Attributes:
        enter_at: P(s = +1) from which the policy is long; short from 1 - enter_at down.
        exit_below: P(s = +1) below which a long is closed, in [1 - enter_at, enter_at]; a short
            is closed above 1 - exit_below. At 1 - enter_at it only ever reverses.
    """

    enter_at: float
    exit_below: float

    def __post_init__(self) -> None:
        assert 0.5 < self.enter_at < 1, f"enter_at {self.enter_at}"
        inside = 1 - self.enter_at - 1e-9 <= self.exit_below <= self.enter_at + 1e-9
        assert inside, f"exit_below {self.exit_below} with enter_at {self.enter_at}"


@dataclass(frozen=True, kw_only=True)
class Optimum:
    """The reference value of a planted market.

    Attributes:
        policy: The best threshold policy.
        net_per_bar: What it earns a bar, in units, net of costs.
        clairvoyant_per_bar: What always knowing the next state would earn before costs: the drift.
    """

    policy: ThresholdPolicy
    net_per_bar: float
    clairvoyant_per_bar: float


def bayes_filter(
    returns: NDArray[np.float64], *, drift: float, p_switch: float
) -> NDArray[np.float64]:
    """Return the probability of the state +1 given all returns up to and including each bar.

    The forward algorithm of a two-state hidden Markov model (Rabiner, "A tutorial on hidden Markov
    models", 1989, section III.A) with unit normal noise, where the likelihood ratio of the states
    is exp(2 * drift * r), from even odds at the first bar.

    Args:
        returns: `(n_bars,) float64` in units.
        drift: Mean return in the state +1, in units.
        p_switch: Probability of a change of state from one bar to the next.

    Returns:
        `(n_bars,) float64` P(s_t = +1 | r_0..r_t).
    """
    posterior = np.empty(len(returns))
    probability = 0.5
    for index, ratio in enumerate(np.exp(2 * drift * np.asarray(returns)).tolist()):
        prior = probability + p_switch * (1 - 2 * probability)
        up = prior * ratio
        probability = up / (up + 1 - prior)
        posterior[index] = probability
    return posterior


def threshold_positions(
    posterior: NDArray[np.float64], policy: ThresholdPolicy
) -> NDArray[np.int64]:
    """Return the position, -1, 0 or +1, that a threshold policy decides on each bar, from flat."""
    mirrored = 1 - posterior
    starts_long, starts_short = posterior >= policy.enter_at, mirrored >= policy.enter_at
    long = _latched(starts_long, (posterior < policy.exit_below) | starts_short)
    short = _latched(starts_short, (mirrored < policy.exit_below) | starts_long)
    return long - short


def net_return_per_bar(
    positions: NDArray[np.int64], returns: NDArray[np.float64], *, cost_per_side: float
) -> float:
    """Return what positions earn a bar, in units: position of bar t times return of bar t+1.

    Args:
        positions: `(n_bars,)` -1, 0 or +1, decided on each bar, from flat; the last one is never
            rewarded and does not count.
        returns: `(n_bars,) float64` in units.
        cost_per_side: Cost of changing the position by one.
    """
    held = positions[:-1]
    n_sides = np.abs(np.diff(held, prepend=0)).sum()
    return float((held @ returns[1:] - cost_per_side * n_sides) / len(held))


def threshold_policy_return(market: PlantedMarket, policy: ThresholdPolicy) -> float:
    """Return what a threshold policy on the Bayes posterior really earns a bar on a market."""
    config = market.config
    posterior = bayes_filter(market.returns, drift=config.drift, p_switch=config.p_switch)
    positions = threshold_positions(posterior, policy)
    return net_return_per_bar(positions, market.returns, cost_per_side=config.cost_per_side)


def bayes_share(market: PlantedMarket, positions: NDArray[np.int64]) -> float | None:
    """Score an agent: its net return a bar as a share of the best threshold policy's, same bars.

    Args:
        market: Fresh bars, that the agent did not learn from.
        positions: `(n_bars,)` the agent's positions, decided on each bar.

    Returns:
        1 is as good as the best policy, 0 is flat; None where that policy itself earned nothing.
    """
    best = threshold_policy_return(market, optimum_of(market.config).policy)
    if best <= 0:
        return None
    cost_per_side = market.config.cost_per_side
    return net_return_per_bar(positions, market.returns, cost_per_side=cost_per_side) / best


@lru_cache(maxsize=16)
def optimum_of(config: PlantedConfig) -> Optimum:
    """Compute the reference value of a market on a long series of its own (about a second)."""
    rng = np.random.default_rng(OPTIMUM_SEED)
    returns, _ = simulate(config, n_bars=OPTIMUM_BARS, rng=rng)
    posterior = bayes_filter(returns, drift=config.drift, p_switch=config.p_switch)
    return best_threshold_policy(posterior, config)


def best_threshold_policy(posterior: NDArray[np.float64], config: PlantedConfig) -> Optimum:
    """Search the two thresholds that earn most a bar, on a grid of 0.05 and then of 0.01.

    The search looks at the first 100,000 bars only, which is enough as the best is flat: on the
    reference market entering at 0.58 to 0.65 earns the same within 0.001. The value of the best
    policy is taken over the whole series.

    Earnings are counted in expectation, position times E[r_{t+1} | r_<=t] =
    drift * (1 - 2 p_switch) * (2 p_t - 1), which has the same mean as the returns themselves and
    far less noise.

    Args:
        posterior: `(n_bars,) float64` from `bayes_filter`, on a long series.
        config: The market it comes from.
    """
    searched = posterior[:SEARCH_BARS]
    coarse = _best(_grid(0.55, 0.95, COARSE_STEP), searched, config)
    near = _grid(coarse.enter_at - COARSE_STEP, coarse.enter_at + COARSE_STEP, FINE_STEP)
    close = [p for p in near if abs(p.exit_below - coarse.exit_below) < COARSE_STEP + 1e-9]
    best = _best(close, searched, config)
    net_per_bar = _earns(best, posterior, config)
    return Optimum(policy=best, net_per_bar=net_per_bar, clairvoyant_per_bar=config.drift)


def _best(
    policies: list[ThresholdPolicy], posterior: NDArray[np.float64], config: PlantedConfig
) -> ThresholdPolicy:
    return max(policies, key=lambda policy: _earns(policy, posterior, config))


def _earns(policy: ThresholdPolicy, posterior: NDArray[np.float64], config: PlantedConfig) -> float:
    expected = config.drift * (1 - 2 * config.p_switch) * (2 * posterior - 1)
    # Row t of `expected` is about bar t+1; `net_return_per_bar` rewards a decision with row t+1.
    returns = np.concatenate([[0.0], expected[:-1]])
    positions = threshold_positions(posterior, policy)
    return net_return_per_bar(positions, returns, cost_per_side=config.cost_per_side)


def _grid(lowest: float, highest: float, step: float) -> list[ThresholdPolicy]:
    """List all policies with thresholds on a grid; entries stay within (0.5, 1)."""
    entries = np.arange(max(lowest, 0.5 + step), min(highest, 1 - step) + step / 2, step)
    return [
        ThresholdPolicy(enter_at=round(float(enter), 4), exit_below=round(float(exit_below), 4))
        for enter in entries
        for exit_below in np.arange(1 - enter, enter + step / 2, step)
    ]


def _latched(sets: NDArray[np.bool_], clears: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return 1 from each `sets` until the next `clears`, else 0; no bar is both."""
    index = np.arange(1, len(sets) + 1)
    last_set = np.maximum.accumulate(np.where(sets, index, 0))
    last_clear = np.maximum.accumulate(np.where(clears, index, 0))
    return (last_set > last_clear).astype(np.int64)
