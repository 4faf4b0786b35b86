"""MedDRA from the folder that its subscriber has: the terms of a release with their primary path.

Nothing of it is in this project, and nothing is copied but the terms of the records themselves.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import polars as pl

from interop.errors import StudyError

# Fields of the release's files, which have no header (MedDRA Distribution File Format Document).
_LLT = ("code", "name", "pt_code")
_CURRENCY = 9
_HIERARCHY = ("pt_code", "hlt_code", "hlgt_code", "soc_code", "pt", "hlt", "hlgt", "soc")
_PRIMARY = 11
FILES = {"llt.asc": _CURRENCY + 1, "mdhier.asc": _PRIMARY + 1, "meddra_release.asc": 2}

LEVELS = ("llt", "pt", "hlt", "hlgt", "soc")


class Release(msgspec.Struct, frozen=True):
    """A release of the dictionary.

    `terms` has a row per code of a lowest level or preferred term: `code`, its `name`, `current`, and name
    and code of each of `LEVELS` by the primary path (``pt``, ``pt_code``, ...).
    """

    version: str
    terms: pl.DataFrame


def read_meddra(folder: Path) -> Release:
    """Read the ASCII files of a release: ``llt.asc``, ``mdhier.asc``, ``meddra_release.asc``.

    Raises StudyError with file:line when one is missing or has a line with too few fields.
    """
    release = next(_records(folder / "meddra_release.asc"), ["?", ""])
    records = [[*row[:3], row[_CURRENCY]] for row in _records(folder / "llt.asc")]
    lowest = pl.DataFrame(records, schema=dict.fromkeys((*_LLT, "currency"), pl.String), orient="row")
    paths = [row[:8] for row in _records(folder / "mdhier.asc") if row[_PRIMARY] == "Y"]
    path = pl.DataFrame(paths, schema=dict.fromkeys(_HIERARCHY, pl.String), orient="row")
    path = path.unique("pt_code", keep="first", maintain_order=True)
    own = lowest.join(path, on="pt_code", how="left", maintain_order="left").with_columns(
        llt="name", llt_code="code", current=pl.col("currency") == "Y"
    )
    rest = path.join(lowest, left_on="pt_code", right_on="code", how="anti", maintain_order="left")
    rest = rest.with_columns(code="pt_code", name="pt", current=pl.lit(value=True))
    named = [column for level in LEVELS for column in (level, f"{level}_code")]
    terms = pl.concat([own, rest], how="diagonal").select("code", "name", "current", *named)
    return Release(
        f"{release[0]} {release[1]}".strip(), terms.unique("code", keep="first", maintain_order=True)
    )


def _records(file: Path) -> Iterator[Sequence[str]]:
    """Fields of each line; a release is in UTF-8 or, of western languages, in extended ASCII."""
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise StudyError(f"cannot be read: {problem.strerror}", file=file) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("$")
        if line and len(fields) < FILES[file.name]:
            raise StudyError(
                f"{len(fields)} fields between $, where {FILES[file.name]} are due", file=file, line=number
            )
        if line:
            yield fields
