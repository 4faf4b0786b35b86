"""``unmapped``: what no table knows, as a code table to be completed."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from interop.errors import OutputError
from interop.mapping.unmapped import Unmapped

COLUMNS = ("system", "code", "display", "same_as", "default_unit", "note")  # of a study's concepts/*.csv


def write_csv(found: Sequence[Unmapped], path: Path, *, force: bool = False) -> int:
    """Write codes as rows of a study's ``concepts/*.csv``, to be completed in ``same_as``; returns how many.

    The file's name says of which table (``lab.csv``); any other name takes the codes of all tables. Raises
    OutputError when the file exists, unless `force`.
    """
    if path.exists() and not force:
        raise OutputError(f"{path}: exists; name another file, or use --force to replace it")
    tables = {one.table for one in found}
    rows = [one for one in found if one.code and (one.table == path.stem or path.stem not in tables)]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in rows:
        note = f"{one.table}: {one.count} records, such as {one.examples[0]}"
        table.writerow([one.system, one.code, _bare(one.display), None, None, note])
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text.getvalue(), encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)
    return len(rows)


def _bare(display: str | None) -> str | None:
    """A display that no spreadsheet runs."""
    return f"'{display}" if display and display[0] in "=+-@\t\r" else display
