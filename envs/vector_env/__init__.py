"""`TradingVectorEnv`: many accounts on one tape, for NumPy and torch alike.

Read `envs.vector_env.world` (one step), `envs.vector_env.episodes` (which bars an episode gets),
then `envs.vector_env.env` (the gymnasium environment and the lean `play`). What makes `play` fast:
`replay`, `program` and `noting` on NumPy arrays, `windows` on devices. Not here: the rules
(`envs.market`).
"""

from envs.vector_env.env import TradingVectorEnv
from envs.vector_env.episodes import checked_slice, draw_windows, pack_generator, unpack_generator
from envs.vector_env.play import Play
from envs.vector_env.world import Played, World, WorldState

__all__ = [
    "Play",
    "Played",
    "TradingVectorEnv",
    "World",
    "WorldState",
    "checked_slice",
    "draw_windows",
    "pack_generator",
    "unpack_generator",
]
