"""The key of a feature matrix: everything that its values depend on.

Not here: the store itself (`envs.array_cache`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import talib

from envs.bars import Bars
from envs.features.config import FeatureConfig
from envs.features.spec import feature_set
from envs.features.user_functions import UserFunction
from envs.fingerprint import fingerprint


def feature_key(bars: Bars, config: FeatureConfig, functions: Sequence[UserFunction]) -> str:
    """Hash bars, settings, library versions, this package's code and the user's files.

    Our own code is hashed rather than versioned by hand, so that no forgotten bump brings back
    values of older code.

    Returns:
        64 hex digits.
    """
    c_library: bytes = talib.__ta_version__  # type: ignore[attr-defined]  # its stub forgets it
    versions = {"numpy": np.__version__, "talib": talib.__version__, "c_library": c_library}
    sources = [(function.reference, function.source_sha256) for function in functions]
    label = feature_set(config.set_name).label
    return fingerprint(
        "features-1", bars.fingerprint, config, label, versions, _own_source(), sources
    )


@lru_cache(maxsize=1)
def _own_source() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
