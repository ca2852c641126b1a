"""What is told about a file that was read: problems, repairs, and the whole source report.

Plain records that travel to the screen, to `config.json` and into the cache; no logic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

FORMAT_VERSION = 1
N_FIRST_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One kind of thing that is wrong with a file.

    Attributes:
        kind: Short stable name, e.g. `high_below_low`.
        count: In how many rows.
        first_rows: The first of them, each with its line in the file and what it holds.
        severity: An `error` refuses the file, a `warning` is shown.
        says: What is wrong, as a sentence.
        mend: What can be done about it; empty when nothing is known.
    """

    kind: str
    count: int
    first_rows: tuple[str, ...]
    severity: Literal["error", "warning"]
    says: str
    mend: str = ""

    def __str__(self) -> str:
        rows = f" ({'; '.join(self.first_rows)})" if self.first_rows else ""
        mend = f" [{self.mend}]" if self.mend else ""
        return f"{self.kind}, {self.count}x: {self.says}{rows}{mend}"


@dataclass(frozen=True, kw_only=True)
class Repair:
    """One change that was made to the data because the user asked for repairs.

    Attributes:
        kind: Short stable name, e.g. `widened_range`.
        count: How many rows changed.
        rows: The first of them, by line in the file.
        before: What these rows held.
        after: What they hold now.
        says: What was done, as a sentence.
    """

    kind: str
    count: int
    rows: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    says: str


@dataclass(frozen=True, kw_only=True)
class SourceReport:
    """What was understood of a file, and what was done to it.

    Attributes:
        path: The file as it was named.
        format: Recognized format, e.g. `metatrader5`.
        container: How the rows were stored, e.g. `csv`, `csv in gzip`, `feather`.
        columns: Role to column of the file, e.g. `{"open": "<OPEN>"}`; extra columns by their name.
        ignored: Columns that were left out, with the reason.
        time_kind: How a time is written, e.g. `DD.MM.YYYY hh:mm:ss` or `unix milliseconds`.
        timezone: Clock that the times were read in.
        timezone_source: Who said so: `file`, `format`, `settings`, or `assumed`.
        file_sha256: SHA-256 of the file's bytes.
        n_rows: Rows of data in the file.
        n_bars: Bars that came of them.
        problems: Everything that validation found, warnings included.
        repairs: Everything that was changed; empty unless asked for.
        notes: What a reader of the results ought to know.
        warnings: The same, loud: probably a mistake.
        from_cache: Whether this load was answered by the cache.
    """

    path: str
    format: str
    container: str
    columns: Mapping[str, str]
    ignored: Mapping[str, str]
    time_kind: str
    timezone: str
    timezone_source: str
    file_sha256: str
    n_rows: int
    n_bars: int
    problems: tuple[Problem, ...]
    repairs: tuple[Repair, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    from_cache: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {"format_version": FORMAT_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SourceReport:
        """Read back what `to_json` wrote."""
        fields = {key: item for key, item in value.items() if key != "format_version"}
        fields["problems"] = tuple(Problem(**_tuples(item)) for item in value["problems"])
        fields["repairs"] = tuple(Repair(**_tuples(item)) for item in value["repairs"])
        return cls(**_tuples(fields))

    def cached(self, path: str) -> SourceReport:
        """The same report for a load that the cache answered."""
        return replace(self, path=path, from_cache=True)


def _tuples(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
