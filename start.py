"""Set up walkfast and run it: one command on Linux, macOS and Windows, standard library only.

    python start.py train [walkfast train's flags]    set up, then train (the embedded sample
                                                      without --data_path)
    python start.py test [--quick] [pytest's flags]   set up with the test tools, then test
    python start.py walkfast COMMAND ...              set up, then any walkfast command

Installs into the active virtual environment, or into `.venv` beside this file. On Linux without an
NVIDIA driver it takes torch's CPU build, because the default one brings gigabytes of CUDA;
`--torch cuda` or `--torch cpu`, given first, overrides that, and replaces another build.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
BUILDS = ("auto", "cpu", "cuda")
NO_VENV = "On Debian and Ubuntu: apt install python3-venv"
QUICK_SELECTION = "not slow and not gpu"


def main(arguments: list[str]) -> int:
    """Set up what the command needs and run it; returns its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python is what a newcomer may have
        return _fail(f"walkfast needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    build, arguments = _torch_word(arguments)
    if mistake := _torch_mistake(build, arguments):
        return _fail(mistake)
    if not arguments or arguments[0] not in {"train", "test", "walkfast"}:
        print(__doc__)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    command, rest = arguments[0], arguments[1:]
    python = _environment()
    if python is None or not _install(
        python, extras="[dev]" if command == "test" else "", build=build
    ):
        return 2
    folder = ROOT if command == "test" else Path.cwd()
    return _run([str(python), *_module(command, rest)], folder=folder)


def _torch_word(arguments: list[str]) -> tuple[str, list[str]]:
    """Split `--torch BUILD` off the front."""
    name, equals, value = (arguments or [""])[0].partition("=")
    if name != "--torch":
        return BUILDS[0], arguments
    if equals:
        return value, arguments[1:]
    return "".join(arguments[1:2]), arguments[2:]


def _torch_mistake(build: str, rest: list[str]) -> str:
    if build not in BUILDS:
        return f"--torch takes {', '.join(BUILDS)}; found {build or 'nothing'}"
    if any(word.partition("=")[0] == "--torch" for word in rest):
        return f"--torch goes first: python start.py --torch {BUILDS[-1]} {rest[0]} ..."
    return ""


def _module(command: str, rest: list[str]) -> list[str]:
    if command == "test":
        if "--quick" in rest:
            rest = [item for item in rest if item != "--quick"] + ["-m", QUICK_SELECTION]
        return ["-m", "pytest", *rest]
    # -P: a folder named `bot` or `envs` where the user stands must not be taken for ours.
    return ["-P", "-m", "bot", *(["train"] if command == "train" else []), *rest]


def _environment() -> Path | None:
    """Return the Python of the active virtual environment, or of a new one in `.venv`.

    None where no environment can be made; that is said.
    """
    if sys.prefix != sys.base_prefix:
        return Path(sys.executable)
    folder = ROOT / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"Making a virtual environment in {folder} ...", flush=True)
        try:
            venv.create(folder, with_pip=True)
        except (subprocess.CalledProcessError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)  # without pip it would be taken for ready
            _fail(f"No virtual environment could be made in {folder}: {error}\n{NO_VENV}")
            return None
    return python


def _install(python: Path, *, extras: str, build: str) -> bool:
    """Install walkfast with its tested versions, unless this state is installed already."""
    stamp_file = python.parent / "walkfast-installed.txt"
    content = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    stamp = f"{hashlib.sha256(content).hexdigest()} {ROOT}"
    done = stamp_file.read_text().splitlines() if stamp_file.exists() else []
    installed = f"{stamp} [dev]" in done or f"{stamp} {extras}" in done
    if installed and build == "auto":
        return True
    if not _install_torch(python, build):
        return False
    if installed:
        return True
    print("Installing walkfast and what it needs (once; a few minutes) ...", flush=True)
    if _pip(python, "-c", "constraints.txt", "-e", f".{extras}"):
        _fail("The installation failed; pip's message above says why")
        return False
    stamp_file.write_text("\n".join([*done, f"{stamp} {extras}"]))
    return True


def _install_torch(python: Path, build: str) -> bool:
    """Take the build asked for, and of itself the CPU one where CUDA would come for nothing."""
    present = _torch_build(python)
    if build == "auto":
        needs_none = not sys.platform.startswith("linux") or shutil.which("nvidia-smi") is not None
        return bool(present) or needs_none or _install_cpu(python, ())
    if present == build:
        return True
    replacing = ("--force-reinstall", "--no-deps") if present else ()
    if build == "cpu":
        return _install_cpu(python, replacing)
    return _install_cuda(python, replacing)


def _torch_build(python: Path) -> str:
    """Return the build of the installed torch, `cpu` or `cuda`; empty where there is none."""
    probe = "import torch; print('cuda' if torch.version.cuda else 'cpu')"
    command = [str(python), "-c", probe]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout.strip()


def _install_cpu(python: Path, replacing: tuple[str, ...]) -> bool:
    pin = _torch_pin()
    if sys.platform == "darwin":
        return True  # macOS has one build, and pip takes it with the rest
    print(f"Installing the CPU build of {pin} ...", flush=True)
    wheel = ("-c", "constraints.txt", *replacing, f"{pin}+cpu")
    if _pip(python, *wheel, quiet=True) == 0:  # where pip's own sources have that build
        return True
    if _pip(python, *wheel, "--extra-index-url", CPU_WHEELS) == 0:
        return True
    _fail(
        f"torch's CPU build could not be had from {CPU_WHEELS}.\n"
        "Install torch yourself, or take PyPI's build, gigabytes of CUDA on Linux:\n"
        "    python start.py --torch cuda ..."
    )
    return False


def _install_cuda(python: Path, replacing: tuple[str, ...]) -> bool:
    pin = _torch_pin()
    if sys.platform.startswith("linux"):
        print(f"Installing the CUDA build of {pin} (gigabytes) ...", flush=True)
        wheel = ("-c", "constraints.txt", pin)
        failed = replacing and _pip(python, *replacing, *wheel)
        if not failed and _pip(python, *wheel) == 0 and _torch_build(python) == "cuda":
            return True  # the second call brought the CUDA libraries, which --no-deps leaves out
    _fail(
        f"The CUDA build of {pin} could not be had from pip's sources for this system.\n"
        "Install it yourself, with the index that https://pytorch.org/get-started names:\n"
        f"    {python} -m pip install --force-reinstall {pin} --index-url INDEX"
    )
    return False


def _torch_pin() -> str:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line for line in pins if line.startswith("torch=="))


def _pip(python: Path, *arguments: str, quiet: bool = False) -> int:
    options = ["--disable-pip-version-check", "--quiet"]
    return _run([str(python), "-m", "pip", "install", *options, *arguments], quiet=quiet)


def _run(command: list[str], *, folder: Path = ROOT, quiet: bool = False) -> int:
    output = subprocess.DEVNULL if quiet else None
    try:
        done = subprocess.run(command, cwd=folder, stdout=output, stderr=output, check=False)
    except KeyboardInterrupt:
        return 130  # the command has seen the same Ctrl-C and said what to say
    return done.returncode


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
