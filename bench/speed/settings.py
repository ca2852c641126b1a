"""What is timed: two sizes of networks, each with the settings that are stock's best and ours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.agent.config import ORIGINAL_AGENT, AgentConfig


@dataclass(frozen=True, kw_only=True)
class Size:
    """One network and number of epochs.

    Attributes:
        words: It in words.
        one_env: Trained with one environment, as the original was.
        stock_best: Where stock is fastest, as `--search_stock` found; `n_threads` included.
        ours: Where the engine is meant to run.
    """

    words: str
    one_env: AgentConfig
    stock_best: AgentConfig
    ours: AgentConfig

    @property
    def memory(self) -> AgentConfig:
        """Settings to measure memory at."""
        return self.ours


_SMALL = AgentConfig(lstm_hidden_size=128, net_arch=(64,), n_epochs=6, engine="stock", n_threads=1)
_ORIGINAL = replace(ORIGINAL_AGENT, engine="stock", n_threads=1)

SIZES: dict[str, Size] = {
    "original": Size(
        words="LSTM 256 x 2 for actor and critic each, heads 128 and 64, 12 epochs",
        one_env=_ORIGINAL,
        stock_best=replace(_ORIGINAL, n_envs=128, n_steps=32, batch_size=2048, n_threads=2),
        ours=replace(_ORIGINAL, n_envs=128, n_steps=32, batch_size=1024),
    ),
    "small": Size(
        words="LSTM 128 x 1 for actor and critic each, head 64, 6 epochs",
        one_env=replace(_SMALL, n_envs=1, n_steps=512, batch_size=256),
        stock_best=replace(_SMALL, n_envs=128, n_steps=32, batch_size=2048, n_threads=2),
        ours=replace(_SMALL, n_envs=64, n_steps=64, batch_size=1024),
    ),
}
