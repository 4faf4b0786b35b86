"""Reading SAS Transport v5 (XPT): every member of a file, with labels, lengths and special missing values."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interop.cdisc import ibm
from interop.cdisc.table import Table
from interop.cdisc.xpt_records import (
    LIBRARY_HEADER,
    MEMBER_HEADER,
    NAMESTR,
    NAMESTR_HEADER,
    NUMBER,
    OBSERVATION_HEADER,
    RECORD,
    Field,
    codec_of,
    unpack,
)
from interop.errors import SourceError


def read_xpt(path: Path | str, *, encoding: str = "utf-8") -> list[Table]:
    """The datasets of a SAS Transport v5 file, in its order.

    `encoding` is that of the text. Trailing blanks are dropped, blank text and missing numbers are null, the
    letters of special missing values are kept in `Table.special`. Rows of nothing but blanks in the last
    80 bytes cannot be told from padding and are not rows.

    Raises `SourceError` for a file of another kind, one that is cut short, or text that is not `encoding`.
    Obeys SAS technical note TS-140.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    content = path.read_bytes()
    if content[:RECORD] != LIBRARY_HEADER:
        raise SourceError(f"{path}: {_other_kind(content)}")
    if len(content) % RECORD or len(content) < 3 * RECORD:
        raise SourceError(f"{path}: cut short, {len(content)} bytes are no whole number of records")
    codec = codec_of(encoding, error=SourceError)
    return [_member(content, start, end, codec, path) for start, end in _members(content)]


def _other_kind(content: bytes) -> str:
    """What a file is that is no v5 transport file, and what to ask for."""
    for start, kind in _OTHER_KINDS.items():
        if content.startswith(start):
            return f"{kind}; ask for SAS Transport version 5 (XPT), as agencies take it"
    return "not SAS Transport v5 (another format, or damaged at its first byte)"


_ADVICE = "name the encoding of this file (--encoding), such as cp1252, latin-1, gb18030 or shift_jis"
_OTHER_KINDS: Mapping[bytes, str] = {
    b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!": "SAS Transport version 8 (or 9)",
    b"**COMPRESSED** **COMPRESSED**": "a SAS CPORT file, which only SAS can read",
    b"LIB CONTROL": "a SAS CPORT file, which only SAS can read",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60": "a SAS data file (SAS7BDAT)",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "compressed by gzip",
}


def _members(content: bytes) -> Iterator[tuple[int, int]]:
    """Where each member starts and ends; its header stands at the start of a record."""
    start = 3 * RECORD
    while start < len(content):
        end = content.find(MEMBER_HEADER, start + RECORD)
        while end != -1 and end % RECORD:
            end = content.find(MEMBER_HEADER, end + 1)
        end = len(content) if end == -1 else end
        yield start, end
        start = end


def _member(content: bytes, start: int, end: int, codec: str, path: Path) -> Table:
    name = content[start + 168 : start + 176].decode("latin-1").rstrip()
    what = f"{path}: {name}"
    head, fields = _described(content, start, codec, path)
    if content[head : head + 48] != OBSERVATION_HEADER[:48]:
        raise SourceError(f"{path}: damaged, {name} has no observation header at byte {head}")
    block = _observations(content, head + RECORD, end, fields, what)
    columns, special = {}, {}
    for field in fields:
        column, cells = field.column, np.ascontiguousarray(block[field.column.name])
        if column.type == "Char":
            columns[column.name] = _text(cells, codec, f"{what}.{column.name}")
            continue
        words = _words(cells)
        columns[column.name] = pl.Series(ibm.decode(words), nan_to_null=True)
        if letters := _letters(words):
            special[column.name] = letters
    label = _label(content[start + 272 : start + 312], codec, what)
    return Table(name, label, tuple(field.column for field in fields), pl.DataFrame(columns), special)


def _described(content: bytes, start: int, codec: str, path: Path) -> tuple[int, list[Field]]:
    """Where the observation header of the member at `start` is due, and the fields of its records."""
    names = start + 4 * RECORD
    sizes = (content[start + 74 : start + 78], content[names + 48 : names + 58])
    headers = (content[start : start + 48], content[names : names + 48])
    if headers != (MEMBER_HEADER, NAMESTR_HEADER) or not all(size.strip().isdigit() for size in sizes):
        raise SourceError(f"{path}: damaged, no member header at byte {start}")
    size, count = map(int, sizes)
    first = names + RECORD
    head = first + count * size
    head += -head % RECORD
    if size not in (NAMESTR, NAMESTR - 4) or head > len(content):
        raise SourceError(f"{path}: cut short or damaged, {count} variables of {size} bytes at byte {first}")
    records = [content[first + i * size : first + (i + 1) * size] for i in range(count)]
    try:
        fields = [unpack(record, codec) for record in records]
    except UnicodeError:
        raise SourceError(f"{path}: labels of variables are not {codec}; {_ADVICE}") from None
    if problem := _problem(fields):
        raise SourceError(f"{path}: damaged, {problem}")
    return head, fields


def _problem(fields: list[Field]) -> str | None:
    """What cannot be among the fields of a member: they fill an observation without gap or overlap."""
    if len({field.column.name for field in fields}) < len(fields):
        return "a variable stands twice"
    position = 0
    for field in sorted(fields, key=lambda field: field.position):
        short, most = (2, NUMBER) if field.column.type == "Num" else (1, field.length)
        if field.position != position or not short <= field.length <= most:
            return f"{field.column.name} has {field.length} bytes at {field.position}, {position} is due"
        position += field.length
    return None


def _label(cell: bytes, codec: str, what: str) -> str:
    try:
        return cell.decode(codec).rstrip(" \0")
    except UnicodeError:
        raise SourceError(f"{what}: its label is not {codec}; {_ADVICE}") from None


def _observations(content: bytes, start: int, end: int, fields: list[Field], what: str) -> NDArray[np.void]:
    """The rows between two places, without the blanks that fill the last record."""
    width = sum(field.length for field in fields)
    total = end - start
    rows = total // width if width else 0
    rest = content[start + rows * width : end]
    if rest.strip(b" "):
        raise SourceError(f"{what} is cut short: its last row has {len(rest)} of {width} bytes")
    blank = b" " * width
    while (
        rows
        and (rows - 1) * width > total - RECORD
        and content[start + (rows - 1) * width :][:width] == blank
    ):
        rows -= 1
    layout = np.dtype(
        {
            "names": [field.column.name for field in fields],
            "formats": [f"V{field.length}" for field in fields],
            "offsets": [field.position for field in fields],
            "itemsize": width,
        }
    )
    return np.frombuffer(content, layout, count=rows, offset=start)


def _words(cells: NDArray[np.void]) -> NDArray[np.uint64]:
    """Big-endian words of numbers; a number of 2 to 7 bytes lacks the last ones of its fraction."""
    if cells.dtype.itemsize == NUMBER:
        return cells.view(">u8")
    whole = np.zeros((len(cells), NUMBER), np.uint8)
    whole[:, : cells.dtype.itemsize] = cells.view(np.uint8).reshape(len(cells), cells.dtype.itemsize)
    return whole.view(">u8").ravel()


def _letters(words: NDArray[np.uint64]) -> Mapping[int, str]:
    found = ibm.letters(words)
    return {int(row): chr(found[row]) for row in np.flatnonzero(found)}


def _text(cells: NDArray[np.void], codec: str, what: str) -> pl.Series:
    """Text of encoded cells; a run of equal cells is decoded once. Trailing blanks go, blank text is null."""
    starts = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]])) if len(cells) else cells
    runs = len(starts) * 4 < len(cells)
    coded = cells[starts] if runs else cells
    text = _decoded(pl.Series(coded.view(f"S{cells.dtype.itemsize}"), dtype=pl.Binary), codec)
    repeats = np.diff(starts, append=len(cells)) if runs else np.ones(len(coded), np.int64)
    if text.null_count():
        rows = int(repeats[text.is_null().to_numpy()].sum())
        raise SourceError(f"{what}: {rows} rows are not {codec}; {_ADVICE}")
    text = text.str.strip_chars_end(" ")
    if (blank := text == "").any():
        text = text.set(blank, None)
    return text.gather(np.repeat(np.arange(len(starts)), repeats)) if runs else text


def _decoded(raw: pl.Series, codec: str) -> pl.Series:
    """Text of encoded bytes; null where they are not of the encoding."""
    if codec in ("utf-8", "ascii"):
        try:
            text = raw.cast(pl.String)
        except pl.exceptions.ComputeError:
            text = None
        if text is not None and (codec == "utf-8" or (text.str.len_bytes() == text.str.len_chars()).all()):
            return text
    distinct = raw.unique()
    texts = [_decode(value, codec) for value in distinct.to_list()]
    return raw.replace_strict(distinct, pl.Series(texts, dtype=pl.String), return_dtype=pl.String)


def _decode(value: bytes, codec: str) -> str | None:
    try:
        return value.decode(codec)
    except UnicodeError:
        return None
