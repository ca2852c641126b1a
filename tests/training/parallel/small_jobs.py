"""Jobs of a few milliseconds, in a module that a worker can import; no torch."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs.errors import ConfigError
from training.events import Noticed

THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Draws numbers; in its first attempts it gets into trouble, of which it keeps count."""

    name: str
    seed: int
    notes: Path
    trouble: str = ""
    n_troubles: int = 1
    version: int = 1

    @property
    def identity(self):
        return {"seed": self.seed, "version": self.version}

    def run(self, emit):
        note = self.notes / f"{self.name}.ran"
        with note.open("a") as file:
            file.write(f"{os.getpid()}\n")
        emit(Noticed(level="info", message=f"{self.name} draws"))
        if len(note.read_text().split()) <= self.n_troubles:
            TROUBLES[self.trouble]()
        values = np.random.default_rng(self.seed).normal(size=5)
        told = {"said": os.environ.get("SMALL_JOBS_SAY"), "n_threads": os.environ.get(THREADS)}
        return {"values": values.tolist(), **told}


def _killed():
    sys.stdout.write("about to be killed\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _left():
    os.write(2, b"leaving\n")
    os._exit(7)


def _defect():
    raise ZeroDivisionError("a defect")


def _memory():
    raise MemoryError


def _mistake():
    raise ConfigError("A number must be positive", came="-1")


TROUBLES = {
    "": lambda: None,
    "killed": _killed,
    "left": _left,
    "defect": _defect,
    "memory": _memory,
    "mistake": _mistake,
    "exit": lambda: sys.exit(3),
    "nan": lambda: None,
    "slow": lambda: time.sleep(60),
}
