"""Bytes to a `Source`: which container is it, and open it. By content, never by file name.

Read next: `envs.data.text` and `envs.data.typed`.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

from envs.data.source import Source
from envs.data.text import TextSource
from envs.data.typed import open_feather, open_json, open_parquet
from envs.errors import DataError

_GZIP, _ZIP, _PARQUET, _ARROW, _FEATHER_1 = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"ARROW1", b"FEA1"
_OTHER_KINDS = {
    b"\x89PNG": "a PNG picture",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}
_ACCEPTED = "CSV, TSV, gzip, a zip of one file, Feather, Parquet or JSON"


def open_source(content: bytes, *, where: str) -> Source:
    """Open the bytes of a file as rows of columns.

    Args:
        content: The whole file.
        where: Its name, for messages.

    Raises:
        DataError: If the container is unknown or damaged.
    """
    content, wrapped = _unwrap(content, where=where)
    return _open(content, where=where, wrapped=wrapped)


def _open(content: bytes, *, where: str, wrapped: str) -> Source:
    if content.startswith(_PARQUET):
        return open_parquet(content, where=where)
    if content.startswith((_ARROW, _FEATHER_1)):
        return open_feather(content, where=where)
    for magic, kind in _OTHER_KINDS.items():
        if content.startswith(magic):
            raise _refuse(kind, where, f"give the bars as {_ACCEPTED}")
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{"):
        return open_json(content, where=where)
    return TextSource(content, container=f"text{wrapped}", where=where)


def _unwrap(content: bytes, *, where: str) -> tuple[bytes, str]:
    if content.startswith(_GZIP):
        try:
            return gzip.decompress(content), " in gzip"
        except (OSError, EOFError, zlib.error) as error:
            raise _refuse(f"a damaged gzip file ({error})", where, "download it again") from error
    if content.startswith(_ZIP):
        return _unzip(content, where=where), " in zip"
    return content, ""


def _unzip(content: bytes, *, where: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith(("/", ".txt"))]
            if "xl/workbook.xml" in names:
                raise _refuse("an Excel workbook", where, "save the sheet as CSV")
            if len(names) != 1:
                found = f"a zip of {len(names)} files"
                raise _refuse(found, where, "unpack it and name one file")
            return archive.read(names[0])
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise _refuse(f"a damaged zip file ({error})", where, "download it again") from error


def _refuse(came: str, where: str, mend: str) -> DataError:
    return DataError(f"A file of bars must be {_ACCEPTED}", came=came, where=where, mend=mend)
