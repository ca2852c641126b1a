"""Scoring: a policy walks a window of bars once, deterministically, with its memory carried along.

Read in this order: `result` (what comes out, and the scores), `walk` (any actor through the
environment), `policies` (bar by bar, and many windows and candidates at once), `baselines`.
Evaluation never moves training's random state, and a result that is not finite is an error.
Not here: performance measures for reports (`training.metrics`).
"""

from training.evaluate.baselines import Baselines, baselines
from training.evaluate.policies import evaluate, evaluate_step_by_step, evaluate_windows
from training.evaluate.result import SCORES, Evaluation, score_named

__all__ = [
    "SCORES",
    "Baselines",
    "Evaluation",
    "baselines",
    "evaluate",
    "evaluate_step_by_step",
    "evaluate_windows",
    "score_named",
]
