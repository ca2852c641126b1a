"""Chunks that fit: one wording for the settings of a run and for the engine itself."""

import pytest
from stable_baselines3.common.env_util import make_vec_env

from envs.errors import ConfigError
from training.agent.config import AgentConfig
from training.agent.recurrent_ppo import FastRecurrentPPO
from training.agent.sizes import automatic_chunk, check_chunk


@pytest.mark.parametrize(
    ("n_steps", "batch_size", "chunk_steps"),
    [(128, 512, 64), (96, 64, 32), (100, 250, 50), (130, 260, 26), (7, 16, 1), (256, 192, 64)],
)
def test_the_automatic_chunk_is_the_longest_common_divisor_up_to_64(
    n_steps: int, batch_size: int, chunk_steps: int
) -> None:
    assert automatic_chunk(n_steps, batch_size) == chunk_steps


@pytest.mark.parametrize("chunk_steps", [2, 8, 16])
def test_a_common_divisor_fits(chunk_steps: int) -> None:
    check_chunk(chunk_steps, n_steps=16, batch_size=32)


@pytest.mark.parametrize(
    ("n_steps", "batch_size", "chunk_steps"),
    [(16, 24, 16), (24, 16, 16), (16, 16, 5), (7, 14, None)],
)
def test_settings_and_engine_refuse_in_the_same_words(
    n_steps: int, batch_size: int, chunk_steps: int | None
) -> None:
    """Seven steps of two environments have a common divisor, and it is no chunk: 7 is."""
    sizes = {"n_steps": n_steps, "batch_size": batch_size, "chunk_steps": chunk_steps}
    if chunk_steps is None:
        assert AgentConfig(n_envs=2, **sizes).rollout_steps == 14
        return
    env = make_vec_env("CartPole-v1", 6)
    with pytest.raises(ConfigError) as by_settings:
        AgentConfig(n_envs=6, **sizes)
    with pytest.raises(ConfigError) as by_engine:
        FastRecurrentPPO("MlpLstmPolicy", env, **sizes)
    assert str(by_settings.value) == str(by_engine.value)


def test_a_rollout_without_any_chunk_is_refused_with_the_settings() -> None:
    with pytest.raises(ConfigError, match="at least two steps"):
        AgentConfig(n_envs=4, n_steps=7, batch_size=4)
    assert AgentConfig(n_envs=4, n_steps=7, batch_size=4, engine="exact").n_minibatches == 7
