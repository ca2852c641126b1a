"""Looks at the scores of a benchmark that grows: each is written down and costs some of the error.

A verdict that asks for more seeds, gets them and judges again at the same level would be wrong more
often than it says. Not here: what a look may spend (`training.significance.verdict`). Argued in
`docs/decisions/148-a-robust-margin-and-counted-looks.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.benchmark.arms import OPTIMIZED
from training.significance.counted import counted
from training.summary import now


def look_at(looks: Sequence[Mapping[str, Any]], *, n_pairs: int) -> int:
    """Return the number of a look, from 1 on; at the same runs as before it is the same look.

    Args:
        looks: Those before, from `plan.json`.
        n_pairs: Folds and seeds with scores of both ours and the original.
    """
    if looks and looks[-1]["n_pairs"] == n_pairs:
        return len(looks)
    return len(looks) + 1


def looked(content: Mapping[str, Any], look: int) -> dict[str, Any] | None:
    """Return what is written down of a look; None where it could not judge the quality.

    Args:
        content: Content of `benchmark.json`.
        look: Its number.
    """
    compared = content["against_original"].get(OPTIMIZED)
    if compared is None or content["calibration"]["fixed"] is None:
        return None
    quality = compared["quality"]
    if quality["interval"] is None:
        return None
    return {
        "look": look,
        "n_seeds": content["n_seeds"],
        "n_pairs": quality["n_values"],
        "confidence": quality["interval"]["confidence"],
        "verdict": compared["verdict"]["text"],
        "at": now(),
    }


def look_sentences(content: Mapping[str, Any]) -> Iterator[str]:
    """Say which look this is, what it spends, and what those before it said."""
    looks = content.get("looks")
    if not looks:
        return
    last = looks[-1]
    yield (
        f"Look {last['look']} at the scores of this benchmark, "
        f"{counted(last['n_pairs'], 'pair')}: score differences have intervals of "
        f"{100 * last['confidence']:.4g} %, because each look spends half of the 5 % of "
        "error that those before it left, so that adding seeds until a verdict pleases does not "
        "make it likelier to be wrong. Benchmarks begun anew are not counted."
    )
    if looks[:-1]:
        told = "; ".join(
            f"{counted(look['n_pairs'], 'pair')}: {look['verdict']}" for look in looks[:-1]
        )
        yield f"Earlier looks said: {told}."
