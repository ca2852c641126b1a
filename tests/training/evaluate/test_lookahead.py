"""The audit of a whole run passes what is causal and catches what is planted to look ahead."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from envs.bars import Bars
from envs.config import EnvConfig
from envs.errors import ConfigError
from envs.features import FeatureConfig, build_features
from envs.features.audit import AuditResult
from envs.market import Prices, Tape
from envs.trading_env import TradingEnv
from tests.training.small_market import small_agent, small_bars
from training.evaluate import lookahead
from training.evaluate.lookahead import audit_all, audit_learning

BARS = small_bars(220)
FEATURES = FeatureConfig(
    names=build_features(BARS, FeatureConfig()).names[:2], scaling_window_bars=20
)


def failed(results: tuple[AuditResult, ...]) -> set[str]:
    return {result.name for result in results if not result.passed}


@pytest.mark.parametrize(("scaling", "mode"), [("rolling", "target"), ("fitted", "orders")])
def test_the_whole_run_is_causal(scaling: str, mode: str) -> None:
    config = FeatureConfig(names=FEATURES.names, scaling=scaling, scaling_window_bars=20)
    results = audit_all(BARS, config, EnvConfig(action_mode=mode), n_cuts=2)
    assert failed(results) == set()
    names = [result.name for result in results]
    scaled = ["scaling"] if scaling == "fitted" else []
    assert names == [*FEATURES.names, *scaled, "observations", "actions", "equity"]


def test_the_audited_walk_trades_and_acts_in_all_ways() -> None:
    walks = lookahead._Walks(BARS, FEATURES, EnvConfig(), policy=None, seed=0)
    rows = walks.of(BARS)
    assert set(rows.actions[-110:]) == {0.0, 1.0, 2.0}
    assert rows.observations[-1].any()
    assert len(np.unique(rows.equity)) > 20


def test_bars_that_earn_another_currency_are_audited_without_a_conversion() -> None:
    yen = dataclasses.replace(BARS, symbol="USDJPY")
    rows = lookahead._Walks(yen, FEATURES, EnvConfig(), policy=None, seed=0).of(yen)
    assert len(np.unique(rows.equity)) > 20


def test_a_policy_of_ones_own_is_audited() -> None:
    names = build_features(BARS, FeatureConfig()).names[:3]
    config = FeatureConfig(names=names, scaling_window_bars=20)
    policy = small_agent(n_updates=1).policy  # sees three features
    assert failed(audit_all(BARS, config, EnvConfig(), policy, n_cuts=2)) == set()
    with pytest.raises(ConfigError, match="6 columns for a policy of 7"):
        audit_all(BARS, FEATURES, EnvConfig(), policy)


def test_a_feature_of_the_users_that_looks_ahead_is_caught_by_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n"
        "def tomorrow(bars):\n"
        "    return np.append(np.diff(np.log(bars.close)), 0.0)\n"
    )
    config = FeatureConfig(
        names=(*FEATURES.names, "tomorrow"), user_functions=(f"{file}:tomorrow",)
    )
    found = failed(audit_all(BARS, config, EnvConfig(), n_cuts=2))
    assert found >= {"tomorrow", "observations", "actions"}
    assert found.isdisjoint(FEATURES.names)


@pytest.fixture
def leaking_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = TradingEnv._observe

    def leaks(self: TradingEnv, state: object) -> np.ndarray:
        observation = honest(self, state)
        features = self.world.tape.features
        observation[0] = features[min(state.bar + 1, len(features) - 1), 0]
        return observation

    monkeypatch.setattr(TradingEnv, "_observe", leaks)


@pytest.mark.usefixtures("leaking_observation")
def test_an_environment_that_shows_the_next_bar_is_caught() -> None:
    # The next bar alone shows only at the very row of a cut, so a few of those are needed.
    found = failed(audit_all(BARS, FEATURES, EnvConfig(), n_cuts=5))
    assert found >= {"observations", "actions"}
    assert found.isdisjoint(FEATURES.names)


@pytest.fixture
def leaking_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Tape.read

    def leaks(self: Tape, bar: int) -> Prices:
        later = honest(self, min(bar + 1, len(self) - 1))
        return honest(self, bar)._replace(close=later.close)

    monkeypatch.setattr(Tape, "read", leaks)


@pytest.mark.usefixtures("leaking_fill")
def test_a_market_that_marks_at_the_next_close_is_caught() -> None:
    assert "equity" in failed(audit_learning(BARS, FEATURES, EnvConfig(), n_cuts=5))


@pytest.fixture
def scaler_that_sees_everything(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    honest = lookahead.FittedScaler.fit
    seen: list[np.ndarray] = []

    def build(bars: Bars, config: FeatureConfig) -> object:
        features = build_features(bars, config)
        seen[:] = [features.values]
        return features

    def fit(values: np.ndarray, **settings: object) -> object:
        return honest(seen[0], **settings)

    monkeypatch.setattr(lookahead, "build_features", build)
    monkeypatch.setattr(lookahead.FittedScaler, "fit", fit)
    return


@pytest.mark.usefixtures("scaler_that_sees_everything")
def test_a_scaler_fitted_on_later_bars_is_caught() -> None:
    config = FeatureConfig(names=FEATURES.names, scaling="fitted")
    found = failed(audit_all(BARS, config, EnvConfig(), n_cuts=2))
    assert "scaling" in found
    assert found.isdisjoint(FEATURES.names)


def test_too_few_bars_are_refused() -> None:
    with pytest.raises(ConfigError, match="more bars"):
        audit_all(BARS.slice(0, 60), FeatureConfig(), EnvConfig())
