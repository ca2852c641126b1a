"""The search for stock's fastest settings, with made-up speeds."""

import math

from bench.speed.settings import SIZES
from bench.speed.stock_search import BATCH_SIZES, N_ENVS, Candidate, searched
from training.agent.config import AgentConfig


def speed_of(config: AgentConfig) -> Candidate:
    """Fastest with 64 envs, minibatch 2,048 and two threads; everything else falls off."""
    distance = abs(math.log2(config.n_envs / 64)) + abs(math.log2(config.batch_size / 2048))
    return Candidate(config=config, steps_per_s=100 * config.n_threads * 0.6**distance)


def test_the_search_finds_the_fastest_settings() -> None:
    found = searched(SIZES["small"].stock_best, speed_of)
    best = max(found, key=lambda candidate: candidate.steps_per_s).config
    assert (best.n_envs, best.batch_size, best.n_threads) == (64, 2048, 2)
    assert best.engine == "stock"


def test_environments_too_slow_to_win_are_not_tried() -> None:
    found = searched(SIZES["small"].stock_best, speed_of)
    tried = {one.config.n_envs for one in found}
    assert min(tried) == 16, "32 are half as fast as 64 are by 0.6, 16 by 0.36"
    assert len(found) < len(N_ENVS) * len(BATCH_SIZES)


def test_every_minibatch_is_tried_at_the_best_place() -> None:
    found = searched(SIZES["small"].stock_best, speed_of)
    batches = {one.config.batch_size for one in found if one.config.n_envs == 64}
    assert batches == set(BATCH_SIZES)
