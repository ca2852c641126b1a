"""Markets whose optimum is known, so that learning can be measured and not only timed.

Read next: `envs.synthetic.markets` (bars), `envs.synthetic.optimum` (what the best policy earns).
"""

from envs.synthetic.markets import (
    DIFFICULTIES,
    PlantedConfig,
    PlantedMarket,
    leaked_future_market,
    noise_market,
    planted_market,
    reference_observations,
    sample_bars,
    sample_market,
)
from envs.synthetic.optimum import (
    Optimum,
    ThresholdPolicy,
    bayes_filter,
    bayes_share,
    best_threshold_policy,
    net_return_per_bar,
    optimum_of,
    threshold_policy_return,
    threshold_positions,
)

__all__ = [
    "DIFFICULTIES",
    "Optimum",
    "PlantedConfig",
    "PlantedMarket",
    "ThresholdPolicy",
    "bayes_filter",
    "bayes_share",
    "best_threshold_policy",
    "leaked_future_market",
    "net_return_per_bar",
    "noise_market",
    "optimum_of",
    "planted_market",
    "reference_observations",
    "sample_bars",
    "sample_market",
    "threshold_policy_return",
    "threshold_positions",
]
