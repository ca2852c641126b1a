"""Bars -> a float32 matrix of causal features, with a cache and a proof that nothing looks ahead.

Start in `build`. `spec` lists the columns, `audit` proves them causal.
"""

from envs.features.build import build_features, feature_names
from envs.features.config import FeatureConfig, FeatureMatrix
from envs.features.scaling import FittedScaler, rolling_scale

__all__ = [
    "FeatureConfig",
    "FeatureMatrix",
    "FittedScaler",
    "build_features",
    "feature_names",
    "rolling_scale",
]
