"""What is compared: the original, the original with 16 environments, ours, and ours in parts.

Every arm has the same bars, features, market, folds, score and seeds. What an arm is worth is not
here (`training.benchmark.results`). Argued in `docs/decisions/125-benchmark-arms.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from training.config import RunConfig, on_the_same_ground, original_config, with_values
from training.rules.adaptive_timesteps import AdaptiveTimestepsConfig

ORIGINAL = "original"
ORIGINAL_16_ENVS = "original_16_envs"
ORIGINAL_EXACT = "original_exact"
OPTIMIZED = "optimized"
AGAIN = "_again"
ORIGINAL_AGAIN = ORIGINAL + AGAIN
OTHER_SEEDS = 1_000
"""What is added to the seeds of an arm that runs again: more than a benchmark may have."""
PLUS = "plus_"
WITHOUT = "without_"

ENGINE = "engine"
SWITCHES: Mapping[str, str] = {
    ENGINE: "the engine",
    "adaptive_timesteps": "adaptive timesteps",
    "warm_start": "warm start",
    "early_stopping": "early stopping",
    "schedule": "phase schedule",
    "cache": "preprocessing cache",
    "evaluation_schedule": "evaluation schedule",
    "fast_evaluation": "fast evaluation",
}
"""What the ablation switches, in the order in which it is added: the engine first, or the rest
would have to be measured at the original's pace. All but the engine are fields of `RulesConfig`."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the trainings that are compared.

    Attributes:
        name: In files and tables.
        says: What it is, one sentence.
        config: Its settings; the seed is that of the first run.
        follows: Arm that it differs from by one switch; None outside the ablation.
        switch: That switch, a name of `SWITCHES`.
    """

    name: str
    says: str
    config: RunConfig
    follows: str | None = None
    switch: str | None = None

    @property
    def is_stock(self) -> bool:
        """Whether sb3-contrib's own loops train it."""
        return self.config.agent.engine == "stock"

    @property
    def budget_steps(self) -> int:
        """Env steps of a fold in whole rollouts, before any rule shortens it."""
        base = self.config.rules.adaptive_timesteps.base_timesteps
        return self.config.agent.whole_rollouts(base)

    @property
    def is_chained(self) -> bool:
        """Whether a fold builds on the ones before it."""
        rules = self.config.rules
        return rules.warm_start.mode != "off" or rules.adaptive_timesteps.mode != "off"

    def with_agent(self, **values: Any) -> Arm:
        """Return the arm with other settings of its agent."""
        changed = {f"agent.{name}": value for name, value in values.items()}
        return replace(self, config=with_values(self.config, changed))


def make_arms(
    chosen: RunConfig,
    *,
    ablation: bool = False,
    budget_steps: int | None = None,
    original: RunConfig | None = None,
) -> tuple[Arm, ...]:
    """Return the arms of a benchmark, the original first.

    Args:
        chosen: The settings that are judged.
        ablation: Whether every switch gets its arms.
        budget_steps: Env steps of a fold that were asked for of both; None leaves the original its
            own.
        original: The training they are compared with; None is the design page's.
    """
    reference = on_the_same_ground(original or original_config(), chosen, budget_steps=budget_steps)
    n_threads = min(2, chosen.agent.n_threads)  # those that ours was given; the bits are the same
    many = {"agent.n_envs": 16, "agent.n_steps": 128, "random_starts": True}
    arms = [
        Arm(
            name=ORIGINAL,
            says="The original training: one environment, the large network, no rule.",
            config=reference,
        ),
        Arm(
            name=ORIGINAL_16_ENVS,
            says="The same with 16 environments, as one who knows stable-baselines3 would.",
            config=with_values(reference, many),
        ),
        Arm(
            name=ORIGINAL_EXACT,
            says="The original's settings and minibatches, trained by the engine's exact mode.",
            config=with_values(reference, {"agent.engine": "exact", "agent.n_threads": n_threads}),
        ),
        Arm(name=OPTIMIZED, says=f"walkfast with profile {chosen.profile}.", config=chosen),
    ]
    if ablation:
        arms += [*_added(reference, chosen), *_left_out(reference, chosen)]
    return tuple(arms)


def spelled(name: str) -> str:
    """Return an arm's name, or a baseline's, as it is read."""
    return name.replace("_", " ")


def arm_named(name: str, arms: Sequence[Arm]) -> Arm:
    """Return one of the arms, or one of them again, which follows from it."""
    if name.endswith(AGAIN):
        return again(arm_named(name.removesuffix(AGAIN), arms))
    return next(arm for arm in arms if arm.name == name)


def again(arm: Arm) -> Arm:
    """Return an arm once more with other seeds: what is seen between equal arms is noise."""
    return replace(
        arm,
        name=arm.name + AGAIN,
        says=f"{arm.name} once more, with other seeds: how much it differs from itself.",
        config=with_values(arm.config, {"seed": arm.config.seed + OTHER_SEEDS}),
    )


def _added(original: RunConfig, chosen: RunConfig) -> Iterator[Arm]:
    """Yield the original with one switch more each time; a switch that is off in ours has none."""
    before, name = original, ORIGINAL
    for switch, words in SWITCHES.items():
        config = with_values(before, _switched(switch, chosen, before))
        if config == before:
            continue
        arm = Arm(
            name=f"{PLUS}{switch}",
            says=f"{name.removeprefix(PLUS)} plus {words}.",
            config=config,
            follows=name,
            switch=switch,
        )
        yield arm
        before, name = config, arm.name


def _left_out(original: RunConfig, chosen: RunConfig) -> Iterator[Arm]:
    for switch, words in SWITCHES.items():
        config = with_values(chosen, _switched(switch, original, chosen))
        if config != chosen:
            yield Arm(
                name=f"{WITHOUT}{switch}",
                says=f"walkfast without {words}.",
                config=config,
                follows=OPTIMIZED,
                switch=switch,
            )


def _switched(switch: str, source: RunConfig, target: RunConfig) -> dict[str, Any]:
    """Return what turns a switch of `target` to where `source` has it; the budget stays."""
    if switch == ENGINE:
        agent = source.agent
        if agent.engine == target.agent.engine:
            return {}
        return {
            "agent.engine": agent.engine,
            "agent.chunk_steps": None,  # the one of `source` need not divide this rollout
            "agent.precision": agent.precision,
            "agent.n_threads": agent.n_threads,
        }
    rule: Any = getattr(source.rules, switch)
    if isinstance(rule, AdaptiveTimestepsConfig):
        rule = rule.with_base(target.rules.adaptive_timesteps.base_timesteps)
    return {f"rules.{switch}": rule} if _differs(switch, source, target) else {}


def _differs(switch: str, source: RunConfig, target: RunConfig) -> bool:
    """Whether a rule is in another mode; other values of a rule that is off change nothing."""
    rule, other = getattr(source.rules, switch), getattr(target.rules, switch)
    modes = [
        getattr(item, "mode", getattr(item, "kind", getattr(item, "enabled", None)))
        for item in (rule, other)
    ]
    return modes[0] != modes[1]
