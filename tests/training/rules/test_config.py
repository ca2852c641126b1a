"""All seven switches together."""

from __future__ import annotations

from training.rules.config import RulesConfig
from training.rules.decision import RULES


def test_ours_is_the_default():
    assert RulesConfig().switches() == {
        "adaptive_timesteps": "convergence",
        "warm_start": "champions",
        "early_stopping": "within_fold",
        "phase_schedule": "linear",
        "evaluation_schedule": "adaptive",
        "preprocessing_cache": "on",
        "fast_evaluation": "on",
    }


def test_the_original_training_has_no_rule_on():
    rules = RulesConfig.original()
    assert rules.switches() == {
        "adaptive_timesteps": "off",
        "warm_start": "off",
        "early_stopping": "off",
        "phase_schedule": "constant",
        "evaluation_schedule": "fixed",
        "preprocessing_cache": "off",
        "fast_evaluation": "off",
    }
    parts = (
        rules.adaptive_timesteps,
        rules.warm_start,
        rules.early_stopping,
        rules.schedule,
        rules.evaluation_schedule,
        rules.cache,
        rules.fast_evaluation,
    )
    assert [part.enabled for part in parts] == [False] * 7
    assert rules.evaluation_schedule.every_steps == 10_000


def test_the_historical_formulas_are_one_call_away():
    switches = RulesConfig.historical().switches()
    assert list(switches.values()) == [
        "geometric",
        "previous_best",
        "patience",
        "phases",
        "fixed",
        "on",
        "on",
    ]
    assert tuple(switches) == RULES
