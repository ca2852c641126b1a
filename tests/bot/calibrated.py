"""A made-up calibration, as the event of a run and as its summary holds it."""

from training.events import OriginalTimed

ORIGINAL = OriginalTimed(
    steps_per_s=5.124,
    n_rounds=5,
    n_threads=1,
    budget_steps=6_149,
    fold_s=1_200.0,
    shortest_fold_s=960.0,
    longest_fold_s=1_500.0,
    took_s=6.2,
    was_before=False,
)

CALIBRATION_CONTENT = {
    "steps_per_s": 70.0,
    "slowest_steps_per_s": 60.1,
    "fastest_steps_per_s": 82.0,
    "n_rounds": 5,
    "n_threads": 1,
    "tried_threads": [1, 2],
    "budget_steps": 100_352,
    "fold_index": 0,
    "took_s": 6.2,
    "warm_up_s": 2.0,
    "core_frac": 0.98,
    "speed_up": {
        "value": 112.0,
        "low": 95.5,
        "high": 130.4,
        "original_fold_s": 1_433.0,
        "mean_fold_s": 12.8,
        "steps_ratio": 85.2,
    },
    "how_measured": "seconds by seconds",
}
