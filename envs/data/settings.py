"""`LoadSettings`: what a user may say about a file that the file does not say itself.

Read next: `envs.data.load`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.data.zones import check_zone
from envs.errors import ConfigError
from envs.timeframe import Timeframe


@dataclass(frozen=True, kw_only=True)
class LoadSettings:
    """What the user knows about a file of bars.

    Attributes:
        symbol: Name of the instrument; None takes it from the file or its name. In a file that
            holds several symbols it selects one.
        point_value: Price of one point; None infers it from the decimals of the prices. A value
            that contradicts the decimals is used, with a loud warning.
        timezone: Clock of the times: an IANA name, a fixed offset such as `+02:00`, or an IANA
            name shifted by hours such as `America/New_York+7` (the server clock of most FX
            brokers). None takes the format's own, and UTC where the format does not say.
        day_first: Whether `03/04/2020` is the third of April; None decides from evidence only.
        timeframe: Expected distance between bars, e.g. `15m`; a file of another one is refused.
        repair: Mend what can be mended, and record every change.

    Raises:
        ConfigError: If the point value, the timezone or the timeframe makes no sense.
    """

    symbol: str | None = None
    point_value: float | None = None
    timezone: str | None = None
    day_first: bool | None = None
    timeframe: str | None = None
    repair: bool = False

    def __post_init__(self) -> None:
        value = self.point_value
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ConfigError("The point value must be positive", came=repr(value))
        if self.timezone is not None:
            check_zone(self.timezone)
        if self.timeframe is not None:
            Timeframe.parse(self.timeframe)
