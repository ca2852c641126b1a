"""Read the members of a model zip without running anything that is in it.

stable-baselines3's own `load` unpickles objects from the member `data`, which runs code of the
file's author. Here only JSON text and `torch.load(weights_only=True)` are read, within limits, and
every tensor is checked. Not here: what the members mean (`training.agent.checkpoint`).
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import torch

from training.errors import ModelError

MAX_MEMBERS = 4096
"""A weights member holds one inner member a tensor."""
MAX_BYTES = 2 * 2**30
"""Of all members together, uncompressed."""
MAX_TEXT_BYTES = 16 * 2**20

# Everything that a broken or hostile zip or pickle was seen to raise, and its near relatives.
_BROKEN_FILE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,  # torch's zip reader, encrypted members, and RecursionError
    TypeError,
    ValueError,
)


class ModelFile:
    """The members of one model zip, read on demand.

    Raises:
        ModelError: If the file is missing, is no zip, or breaks a limit.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ModelError(
                "A saved model must be a file",
                came="nothing" if not path.exists() else "a folder",
                where=str(path),
                mend="name a zip that a training saved, such as best_model_optimized.zip in the "
                "run's folder",
            )
        self._content = path.read_bytes()
        self.names = _checked_names(io.BytesIO(self._content), where=str(path))

    def text(self, name: str) -> str:
        """Read a UTF-8 member."""
        content = self._read(name)
        if len(content) > MAX_TEXT_BYTES:
            raise self.error(f"{name} of {len(content)} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise self.error(f"{name} is no text ({error.reason})") from error

    def json(self, name: str) -> dict[str, Any]:
        """Read a member that holds one strict JSON object."""
        try:
            value = json.loads(self.text(name), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise self.error(f"{name} is no JSON ({error})") from error
        if not isinstance(value, dict):
            raise self.error(f"{name} is no JSON object")
        return value

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        """Read a state dict of finite, contiguous float32 tensors, on the CPU."""
        content = self._read(name)
        _checked_names(io.BytesIO(content), where=f"{name} in {self.path}")
        try:
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except _BROKEN_FILE as error:
            raise self.error(f"{name} cannot be read ({type(error).__name__})") from error
        if not isinstance(loaded, Mapping):
            raise self.error(f"{name} holds no named weights")
        for key, tensor in loaded.items():
            problem = _problem(key, tensor)
            if problem is not None:
                raise self.error(f"{key!s:.80} in {name} {problem}")
        return dict(loaded)

    def error(self, came: str) -> ModelError:
        """Make the error of this file."""
        return ModelError(
            "A saved model must be a whole zip of sb3-contrib's RecurrentPPO or of this program",
            came=came,
            where=str(self.path),
            mend="save the model again, or copy the file again if it was cut short",
        )

    def _read(self, name: str) -> bytes:
        if name not in self.names:
            raise self.error(f"no member {name}")
        try:
            with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
                return archive.read(name)
        except _BROKEN_FILE as error:
            raise self.error(f"{name} cannot be read ({type(error).__name__})") from error


def _checked_names(file: IO[bytes], *, where: str) -> tuple[str, ...]:
    """List the members of a zip that keeps the limits; sizes are the directory's own claim."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except _BROKEN_FILE as error:
        raise _no_model(f"no readable zip ({error})", where) from error
    names = tuple(member.filename for member in members)
    n_bytes = sum(member.file_size for member in members)
    if len(names) > MAX_MEMBERS or n_bytes > MAX_BYTES:
        raise _no_model(f"{len(names)} members of {n_bytes} bytes together", where)
    if len(set(names)) != len(names):
        raise _no_model("a member that appears twice", where)
    return names


def _no_model(came: str, where: str) -> ModelError:
    return ModelError(
        "A saved model must be a whole zip file",
        came=came,
        where=where,
        mend="name a model that a training saved, such as best_model_optimized.zip in the run's "
        "folder",
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _problem(key: object, tensor: object) -> str | None:
    """Say what is wrong with one entry of a state dict; None if nothing is."""
    if not isinstance(key, str) or type(tensor) is not torch.Tensor:
        return "is no named tensor"
    if tensor.layout != torch.strided or tensor.device.type != "cpu":
        return f"is a {tensor.layout} tensor on {tensor.device}"
    if tensor.dtype != torch.float32:
        return f"is {tensor.dtype}, not float32"
    # An expanded view of one number would pass for a matrix larger than any memory.
    if not tensor.numel() or not tensor.is_contiguous():
        return "is empty or not contiguous"
    return None if bool(torch.isfinite(tensor).all()) else "holds NaN or infinity"
