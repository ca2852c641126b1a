"""The kernel's shared library: built by the compiler that is there, kept in the cache folder.

The file's name is a hash of the sources, the flags, the compiler and the processor, so none serves
a machine that it was not built on. Not here: whether it may be used
(`training.agent.kernel.available`).
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from envs.atomic import write_bytes

FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-w")
NEEDED = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "f16c", "fma", "avx2"})
"""Flags of `/proc/cpuinfo` without which the kernel cannot run."""
_COMPILERS = ("c++", "g++", "clang++")
_LONGEST_S = 120.0


class KernelError(Exception):
    """The kernel cannot be had here; the message is a clause that says why."""


def built_library(folder: Path) -> Path:
    """Return the library in `folder`, built if it is not there yet (some seconds, once).

    Raises:
        KernelError: Without the processor, a compiler, or a place to write.
    """
    flags = processor_flags()
    if missing := sorted(NEEDED - flags):
        raise KernelError(f"the processor lacks {', '.join(missing)}")
    sources, compiler = _sources(), _compiler()
    path = folder / f"lstm-{_key(sources, compiler, flags)}.so"
    if not path.is_file():
        _build(compiler, sources, path)
    return path


def processor_flags() -> frozenset[str]:
    """Return what Linux says that this x86-64 processor can do; nothing on other systems."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return frozenset()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(line.split())


def _sources() -> dict[str, bytes]:
    folder = Path(__file__).parent
    every = sorted([*folder.glob("*.cpp"), *folder.glob("*.h")])
    return {path.name: path.read_bytes() for path in every}


def _compiler() -> str:
    named = os.environ.get("CXX", "")
    for name in (named, *_COMPILERS):
        if name and (found := shutil.which(name)):
            return found
    raise KernelError("no C++ compiler was found")


def _key(sources: dict[str, bytes], compiler: str, flags: frozenset[str]) -> str:
    built = Path(compiler).resolve()
    stat = built.stat()
    told = (FLAGS, str(built), stat.st_size, stat.st_mtime_ns, platform.processor(), sorted(flags))
    digest = sha256(repr(told).encode())
    for name, content in sources.items():
        digest.update(f"{name} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def _build(compiler: str, sources: dict[str, bytes], path: Path) -> None:
    try:
        with TemporaryDirectory(prefix="walkfast-kernel-") as temporary:
            place = Path(temporary)
            for name, content in sources.items():
                (place / name).write_bytes(content)
            made = place / "lstm.so"
            done = subprocess.run(  # noqa: S603  # our own sources, the compiler found above
                [compiler, *FLAGS, str(place / "lstm.cpp"), "-o", str(made)],
                capture_output=True,
                text=True,
                timeout=_LONGEST_S,
                check=False,
            )
            if done.returncode != 0:
                last = (done.stderr.strip().splitlines() or ["without a word"])[0]
                raise KernelError(f"{compiler} failed: {last}")
            write_bytes(path, made.read_bytes())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelError(f"it could not be built: {error}") from error
