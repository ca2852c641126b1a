"""Check an installation: imports, rules, a tiny training, its speed. No test of the test suite.

    cd bot && python test_training_optimization.py [--quick] [--data_path FILE]

Writes only to a temporary folder. Exit code 0 when everything works, 1 when something does not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("numpy", "pandas", "torch", "gymnasium", "stable_baselines3", "sb3_contrib", "talib")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and return the exit code."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # works from a checkout that is not installed, too
    missing = [name for name in LIBRARIES if not _imports(name)]
    if missing:
        print("FAILED  install the missing libraries first: python start.py train")
        return 1
    selfcheck = import_module("bot.cli.selfcheck")
    code: int = selfcheck.main(sys.argv[1:] if arguments is None else arguments)
    return code


def _imports(name: str) -> bool:
    try:
        module = import_module(name)
    except ImportError as error:
        print(f"FAILED  import {name}: {error}")
        return False
    print(f"ok      import {name} {getattr(module, '__version__', '')}".rstrip())
    return True


if __name__ == "__main__":
    sys.exit(main())
