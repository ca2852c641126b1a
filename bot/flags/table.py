"""Every flag of training, by group: its name, one or two lines of help, the setting it moves.

Ranges are checked by the configuration dataclasses, defaults are read from them. The flags without
a path are switches and historical words that `bot.flags.resolve` translates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.flags.benchmark_flags import BENCHMARK_MODE, BESIDE_TRAINING, CALIBRATE
from bot.flags.chain_flags import CHAINS
from bot.flags.data_flags import DATA
from bot.flags.flag import Flag
from bot.flags.rule_flags import AGENT, BUDGET, EVALUATION, SCHEDULE, WARM_START
from bot.flags.values import Kind, one_of
from bot.flags.world_flags import FEATURES, MARKET
from training.agent.build import DEVICES
from training.config import OutputConfig, RunConfig
from training.evaluate import SCORES

_SWITCH = Kind(scalar=bool)
_TEXT = Kind(scalar=str)
_WHOLE = Kind(scalar=int)
_NUMBER = Kind(scalar=float)

OUTPUT = "output."


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(RunConfig):
    """Both configurations under one root, so that every setting has one dotted path."""

    output: OutputConfig = field(default_factory=OutputConfig)


RUN = (
    Flag(
        "profile",
        "one dial that sets the rest, see below",
        kind=_TEXT,
        aliases=("optimization_profile",),
        shown=False,
        word="NAME",
    ),
    Flag("seed", "root of all random numbers, 0 or more", "seed"),
    Flag("device", "auto takes CUDA where there is one", "device", one_of(DEVICES)),
    Flag(
        "use_original_training",
        "the original training, unchanged: one environment, the large network, no rule",
        kind=_SWITCH,
        shown=False,
    ),
    Flag("score", "how a model is scored on validation bars", "score", one_of(SCORES)),
    Flag(
        "initial_model",
        "model file that fold 0 starts from, ours or a stock zip",
        "initial_model",
        word="FILE",
    ),
)


FOLDS = (
    Flag("initial_window", "bars of train + validation in a fold", "folds.initial_window_bars"),
    Flag(
        "validation_size",
        "share of that window that validates, between 0 and 1",
        "folds.validation_frac",
    ),
    Flag(
        "train_split",
        "the same from the other side: 1 - validation_size",
        kind=_NUMBER,
        shown=False,
    ),
    Flag("step_size", "bars of a test slice; folds lie this far apart", "folds.step_bars"),
    Flag(
        "test_window",
        "historical name of --step_size: test slices tile the bars",
        kind=_WHOLE,
        shown=False,
    ),
    Flag("anchored", "the train slice keeps its start and grows", kind=_SWITCH, shown=False),
    Flag(
        "embargo",
        "bars left out at the end of train and of validation, 0 or more",
        "folds.embargo_bars",
    ),
    Flag("max_folds", "train the first N folds only; none is all", "folds.max_folds"),
)


RESULTS = (
    Flag(
        "results_dir",
        "folder of all runs [./results; the scripts: results/ of the repository]",
        f"{OUTPUT}results_dir",
        _TEXT,
        shown=False,
        word="FOLDER",
    ),
    Flag(
        "run_name",
        "folder of this run in it; the seed without it",
        f"{OUTPUT}run_name",
        aliases=("model_name",),
        shown=False,
        word="NAME",
    ),
    Flag("fresh", "begin anew in a folder of its own", f"{OUTPUT}fresh"),
    Flag(
        "resume",
        "go on with this run, and fail where there is none (a run goes on by itself)",
        kind=_SWITCH,
        shown=False,
    ),
    Flag("tensorboard", "write scalars for TensorBoard", f"{OUTPUT}tensorboard"),
    Flag("report", "write report.html", kind=_SWITCH),
    Flag(
        "verbose",
        "0 lines at the end only, 1 progress, 2 also decisions and tracebacks",
        kind=Kind(scalar=str, choices=("0", "1", "2")),
        bare="2",
    ),
    Flag("quiet", "errors and warnings only", kind=_SWITCH, shown=False),
    Flag(
        "json", "events as JSON lines on standard output, nothing else", kind=_SWITCH, shown=False
    ),
    Flag("parallel_candidates", "1; more is not available yet", kind=_WHOLE, shown=False),
)

SEVERAL_SEEDS = "Several seeds, side by side"
BENCHMARK = "Benchmark"
GROUPS: Mapping[str, tuple[Flag, ...]] = MappingProxyType(
    {
        "Run": RUN,
        "Bars": DATA,
        "Walk-forward (bars)": FOLDS,
        "Budget of a fold (env steps)": BUDGET,
        "Warm start": WARM_START,
        "Learning rate and schedule": SCHEDULE,
        "Evaluation and cache": EVALUATION,
        "Agent (PPO with an LSTM)": AGENT,
        "Market and reward": MARKET,
        "Features": FEATURES,
        "Results and screen": RESULTS,
        SEVERAL_SEEDS: CHAINS,
        BENCHMARK: (CALIBRATE, BENCHMARK_MODE, *BESIDE_TRAINING),
    }
)
"""All flags under the headings of the help."""

FLAGS: Mapping[str, Flag] = MappingProxyType(
    {flag.name: flag for group in GROUPS.values() for flag in group}
)
"""All flags by name."""
