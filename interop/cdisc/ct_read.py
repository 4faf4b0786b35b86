"""The three forms in which a terminology release is read: our own CSV and two tab-separated layouts."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from interop.errors import SpecError


class Entry(msgspec.Struct, frozen=True):
    """A term with its codelist, as one line of a file states it."""

    line: int
    codelist: str
    name: str
    title: str
    extensible: bool
    code: str
    value: str
    preferred: str
    synonyms: tuple[str, ...]


_FIELDS = ("codelist", "name", "title", "extensible", "code", "value", "preferred", "synonyms")

#: The headers that are read, by layout; the names stand in the order of the fields of `Entry`.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "own": _FIELDS,
    "flat": (
        "codelist_code",
        "codelist_submission_value",
        "codelist_name",
        "extensible",
        "term_code",
        "submission_value",
        "preferred_term",
        "synonyms",
    ),
}

# NCI EVS gives codelists rows of their own: no "Codelist Code", and the short name as their submission value.
_EVS = (
    "Code",
    "Codelist Code",
    "Codelist Extensible (Yes/No)",
    "Codelist Name",
    "CDISC Submission Value",
    "CDISC Synonym(s)",
    "NCI Preferred Term",
)


def read(path: Path) -> Iterator[Entry]:
    """Terms of a release, in the order of the file.

    `path` is our own CSV or tab-separated text, ``.gz`` too; the header says which layout it is.
    Raises `SpecError` with file and line for another header or a row without codelist or value.
    """
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    stream = io.StringIO(_decode(content), newline="")
    if path.suffix == ".csv":
        reader = csv.DictReader(stream, strict=True)
    else:
        reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = tuple(reader.fieldnames or ())
    names = next((names for names in LAYOUTS.values() if set(names) <= set(header)), None)
    if names is None and not set(_EVS) <= set(header):
        raise SpecError(f"not a terminology table; its columns are {', '.join(header)}", file=path, line=1)
    for entry in _flat(reader, names) if names else _evs(reader):
        if not entry.codelist or not entry.value:
            raise SpecError("a term needs a codelist and a submission value", file=path, line=entry.line)
        yield entry


def _decode(content: bytes) -> str:
    """UTF-8, else Windows-1252, in which NCI has published this file at times."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _flat(reader: "csv.DictReader[str]", names: tuple[str, ...]) -> Iterator[Entry]:
    for row in reader:
        yield _entry(reader.line_num, {field: row[name] for field, name in zip(_FIELDS, names, strict=True)})


def _evs(reader: "csv.DictReader[str]") -> Iterator[Entry]:
    codelists: dict[str, Mapping[str, str]] = {}
    for row in reader:
        if not row["Codelist Code"]:
            codelists[row["Code"]] = row
            continue
        parent = codelists.get(row["Codelist Code"], row)
        yield _entry(
            reader.line_num,
            {
                "codelist": row["Codelist Code"],
                "name": parent["CDISC Submission Value"] if parent is not row else "",
                "title": parent["Codelist Name"],
                "extensible": parent["Codelist Extensible (Yes/No)"],
                "code": row["Code"],
                "value": row["CDISC Submission Value"],
                "preferred": row["NCI Preferred Term"],
                "synonyms": row["CDISC Synonym(s)"],
            },
        )


def _entry(line: int, cells: Mapping[str, str]) -> Entry:
    synonyms = tuple(part.strip() for part in (cells["synonyms"] or "").split(";") if part.strip())
    return Entry(
        line,
        cells["codelist"],
        cells["name"],
        cells["title"],
        cells["extensible"].strip().lower() == "yes",
        cells["code"],
        cells["value"],
        cells["preferred"] or "",
        synonyms,
    )
