"""A folder of named arrays, found by the hash of what they were made from.

Start in `cache` (finding, building once, evicting); `entry` is the form of one entry on disk.
"""

from envs.array_cache.cache import (
    FOLDER_VARIABLE,
    ArrayCache,
    CachedArrays,
    CacheInfo,
    default_cache_folder,
)
from envs.array_cache.entry import JSON

__all__ = [
    "FOLDER_VARIABLE",
    "JSON",
    "ArrayCache",
    "CacheInfo",
    "CachedArrays",
    "default_cache_folder",
]
