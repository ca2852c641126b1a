"""Observations: what an agent sees at bar t, float32, and the layout that travels with its model.

A row is the features of bar t, then four columns of the account at the close of bar t: position,
unrealized PnL over equity, bars held, drawdown. Not here: how features are made (`envs.features`).
Read next: `envs.vector_env`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envs.errors import ConfigError
from envs.market.account import Account, Array, Namespace

LAYOUT_VERSION = "1"
ACCOUNT_NAMES = ("position", "unrealized_pnl_frac", "bars_held", "drawdown_frac")


@dataclass(frozen=True, kw_only=True)
class ObservationLayout:
    """The columns of an observation, in order.

    Attributes:
        version: Changes when the meaning of an account column does.
        names: Features, then `ACCOUNT_NAMES`.
        bars_held_scale_bars: The age at which the `bars_held` column is one half.
    """

    version: str
    names: tuple[str, ...]
    bars_held_scale_bars: float

    @classmethod
    def of(
        cls, feature_names: tuple[str, ...], *, bars_held_scale_bars: float
    ) -> ObservationLayout:
        """Lay out an observation of these features."""
        names = (*feature_names, *ACCOUNT_NAMES)
        return cls(version=LAYOUT_VERSION, names=names, bars_held_scale_bars=bars_held_scale_bars)

    @property
    def n_features(self) -> int:
        """Columns before those of the account."""
        return len(self.names) - len(ACCOUNT_NAMES)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return {
            "version": self.version,
            "names": list(self.names),
            "bars_held_scale_bars": self.bars_held_scale_bars,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ObservationLayout:
        """Read a layout that was stored with a model.

        Raises:
            ConfigError: If a key is missing.
        """
        missing = {"version", "names", "bars_held_scale_bars"} - set(value)
        if missing:
            raise ConfigError(
                "An observation layout must be complete", came=f"no {', '.join(sorted(missing))}"
            )
        return cls(
            version=str(value["version"]),
            names=tuple(value["names"]),
            bars_held_scale_bars=float(value["bars_held_scale_bars"]),
        )

    def check_same(self, other: ObservationLayout) -> None:
        """Make sure that a model of this layout can read observations of `other`.

        Raises:
            ConfigError: If they differ; the message names the first difference.
        """
        if self != other:
            raise ConfigError(
                "The observation must have the layout that the model was trained with",
                came=self._difference(other),
                mend="use the features and settings of the model's own run",
            )

    def _difference(self, other: ObservationLayout) -> str:
        if self.version != other.version:
            return f"layout version {other.version} instead of {self.version}"
        if self.names == other.names:
            return (
                f"a bars_held scale of {other.bars_held_scale_bars} bars instead of "
                f"{self.bars_held_scale_bars}"
            )
        for column, (ours, theirs) in enumerate(zip(self.names, other.names, strict=False)):
            if ours != theirs:
                return f"column {column} is {theirs!r} instead of {ours!r}"
        return f"{len(other.names)} columns instead of {len(self.names)}"


def account_columns(
    xp: Namespace, account: Account, bar: Array, bars_held_scale_bars: float
) -> tuple[Array, Array, Array, Array]:
    """Compute the columns `ACCOUNT_NAMES` at the close of `bar`.

    Position is -1, 0 or 1. Unrealized PnL is divided by equity (0 when flat). A position opened at
    the open of this bar has been held for one bar; h bars show as h / (h + scale), which stays
    below one. Drawdown is the share of the peak equity that is gone.
    """
    equity = xp.where(account.equity > 0, account.equity, 1.0)
    is_open = account.direction * account.direction
    held = xp.astype(bar + 1 - account.entry_bar, xp.float64) * is_open
    return (
        account.direction,
        (account.equity - account.balance) / equity,
        held / (held + bars_held_scale_bars),
        1.0 - account.equity / account.peak_equity,
    )
