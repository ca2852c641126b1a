"""Which trainings are compared, and that they differ in what their names say, in no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.benchmark.arms import SWITCHES, make_arms
from training.config import RunConfig, original_config, with_values

SHARED = ("data_path", "data", "features", "folds", "score", "seed", "device")


def by_name(**options):
    return {arm.name: arm for arm in make_arms(RunConfig(seed=7), **options)}


def test_every_arm_walks_the_same_bars_folds_and_market():
    chosen = with_values(
        RunConfig(seed=7, data_path="x.csv"),
        {"folds.step_bars": 123, "env.market.slippage_points": 2.0, "features.clip": 4.0},
    )
    for arm in make_arms(chosen, ablation=True):
        assert all(getattr(arm.config, name) == getattr(chosen, name) for name in SHARED), arm.name
        assert arm.config.env.market == chosen.env.market


def test_the_original_is_the_original_training_on_other_bars():
    arm = by_name()["original"]
    assert replace(arm.config, seed=42) == original_config()
    assert arm.budget_steps == 100_352  # 196 whole rollouts of 512
    assert not arm.is_chained


def test_a_typed_budget_holds_for_both():
    arms = by_name(budget_steps=5_000)
    assert arms["original"].config.rules.adaptive_timesteps.base_timesteps == 5_000
    assert arms["original_16_envs"].budget_steps == 6_144


def test_sixteen_environments_change_nothing_but_how_experience_is_gathered():
    arms = by_name()
    values = {"agent.n_envs": 16, "agent.n_steps": 128, "random_starts": True}
    assert arms["original_16_envs"].config == with_values(arms["original"].config, values)


def test_without_an_ablation_there_are_four_arms():
    assert list(by_name()) == ["original", "original_16_envs", "original_exact", "optimized"]


def test_the_stand_in_takes_the_threads_that_ours_may_take():
    for given, taken in ((1, 1), (2, 2), (8, 2)):
        chosen = with_values(RunConfig(), {"agent.n_threads": given})
        arms = {arm.name: arm for arm in make_arms(chosen)}
        assert arms["original_exact"].config.agent.n_threads == taken


def test_the_stand_in_differs_from_the_original_by_its_engine_alone():
    arms = by_name()
    exact, original = arms["original_exact"].config, arms["original"].config
    assert exact.agent.engine == "exact"
    same = with_values(exact, {"agent.engine": "stock", "agent.n_threads": 1})
    assert same == original


def test_what_is_added_piece_by_piece_has_all_rules_of_ours_in_the_end():
    arms = by_name(ablation=True)
    added = [arm for arm in arms.values() if arm.name.startswith("plus_")]
    assert added[0].follows == "original"
    assert [arm.follows for arm in added[1:]] == [arm.name for arm in added[:-1]]
    ours = arms["optimized"].config
    assert added[-1].config.rules.switches() == ours.rules.switches()
    assert added[-1].config.agent.engine == ours.agent.engine
    assert added[-1].config.agent.lstm_hidden_size == 256
    assert added[-1].config.rules.adaptive_timesteps.base_timesteps == 100_000


def test_what_is_left_out_is_one_switch_only():
    arms = by_name(ablation=True)
    ours = arms["optimized"].config
    for name, arm in arms.items():
        if not name.startswith("without_"):
            continue
        before, after = ours.rules.switches(), arm.config.rules.switches()
        changed = [rule for rule in before if before[rule] != after[rule]]
        engine_changed = arm.config.agent.engine != ours.agent.engine
        assert len(changed) + engine_changed == 1, name


def test_a_rule_that_is_off_in_ours_has_no_arm():
    constant = with_values(RunConfig(), {"rules.schedule.kind": "constant"})
    names = {arm.name for arm in make_arms(constant, ablation=True)}
    assert "plus_schedule" not in names
    assert "without_schedule" not in names
    chosen = with_values(RunConfig(), {"rules.schedule.kind": "phases"})
    names = {arm.name for arm in make_arms(chosen, ablation=True)}
    assert {f"plus_{switch}" for switch in SWITCHES} < names


@pytest.mark.parametrize("engine", ["stock", "exact"])
def test_the_engine_is_switched_whichever_it_is(engine):
    chosen = with_values(RunConfig(), {"agent.engine": engine})
    names = {arm.name for arm in make_arms(chosen, ablation=True)}
    assert ("without_engine" in names) == (engine != "stock")
