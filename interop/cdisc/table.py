"""Strict reading of the CSV tables of facts under ``sdtm/``: every row keeps its line for messages."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from interop.errors import SpecError

Row = Mapping[str, str]


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """Rows of a CSV table with the line each one starts on.

    `columns` are the names that the header must hold, in this order. Yields (line, column -> text).
    Raises `SpecError` for a missing file, another header, or a row that is too short or too long.
    """
    if not path.is_file():
        raise SpecError("no such table", file=path)
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        header = next(reader, [])
        if header != list(columns):
            found = ",".join(header)
            raise SpecError(f"the header must be {','.join(columns)}, found {found}", file=path, line=1)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) != len(columns):
                raise SpecError(f"{len(cells)} cells where {len(columns)} are needed", file=path, line=line)
            yield line, dict(zip(columns, cells, strict=True))
            line = reader.line_num + 1
