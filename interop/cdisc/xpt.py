"""Writing SAS Transport v5 (XPT), the format in which agencies take SDTM datasets."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interop.cdisc import ibm
from interop.cdisc.standard import LABEL_LENGTH
from interop.cdisc.table import Table, as_floats, is_exact
from interop.cdisc.xpt_records import NUMBER, RECORD, Field, codec_of, moment, pack
from interop.errors import OutputError

TEXT_LENGTH = 200  # bytes of the longest Char value in v5
MIN_NUMBER = 2  # bytes of the shortest number
BLOCK = 1 << 16  # observations that are held as bytes at a time

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,7}", re.ASCII)


def write_xpt(
    table: Table, path: Path | str, *, encoding: str = "utf-8", timestamp: datetime | None = None
) -> None:
    """Writes a table as SAS Transport v5, whole or not at all.

    `encoding` is that of the text ("utf-8", "ascii", "euc-cn"); a Char variable is as long as its longest
    value in bytes of it, or as its column says where that is more (at most 200). No clock is read: the file
    is dated 1 January 1960 unless `timestamp` is given. Null text is blanks and trailing blanks do not
    survive the format; null numbers are ".", or the letter that `Table.special` names.

    Raises `OutputError`, naming dataset, variable and number of rows, for what v5 cannot hold: a name above 8
    characters, a label above 40 bytes, text above 200 bytes, a character outside `encoding`, a number above
    7.2e75 or nearer to 0 than 5.4e-79, one of more digits than a double has, a last record without any value.
    Obeys SAS technical note TS-140.
    """
    path, name = Path(path), table.name
    codec = codec_of(encoding, error=OutputError)
    _check_names(table, codec)
    texts = _texts(table, codec)
    numbers = {c.name: _numbers(name, table.frame[c.name]) for c in table.columns if c.type == "Num"}
    fields = _fields(table, texts, numbers)
    _check_end(table, fields)
    head = pack(name, table.label.encode(codec), fields, encoding=codec, at=moment(timestamp))
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            stream.write(head)
            frame = table.frame.with_columns(*(text for text, _ in texts.values()), *numbers.values())
            _write_observations(stream, frame, fields, table.special)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _check_names(table: Table, codec: str) -> None:
    named = [(table.name, table.label, "dataset")]
    named += [(c.name, c.label, f"variable of {table.name}") for c in table.columns]
    if len(named) == 1:
        raise OutputError(f"{table.name} has no variables to write")
    if len({name.upper() for name, _, _ in named[1:]}) < len(table.columns):
        raise OutputError(f"{table.name}: two variables differ in case alone; XPT takes them for one")
    for name, label, what in named:
        if not _NAME.fullmatch(name):
            raise OutputError(f"{what} {name!r}: XPT needs 1 to 8 letters, digits and _, no digit first")
        if not _encodable(label, codec) or len(label.encode(codec)) > LABEL_LENGTH:
            raise OutputError(f"{what} {name}: its label must fit {LABEL_LENGTH} bytes of {codec}")


def _encodable(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _texts(table: Table, codec: str) -> dict[str, tuple[pl.Series, int]]:
    """Char columns in text of which each character is one byte of `codec`, with the longest; null is ""."""
    names = [column.name for column in table.columns if column.type == "Char"]
    frame = table.frame.select(names)
    size, characters = pl.all().str.len_bytes(), pl.all().str.len_chars()
    facts = frame.select(size.max(), (size.sum() == characters.sum()).name.suffix(" is ASCII"))
    texts = {}
    for name in names:
        # ASCII is the same bytes in every encoding that transport files use
        if facts[f"{name} is ASCII"][0]:
            texts[name] = frame[name].fill_null(""), facts[name][0] or 0
            continue
        text = _encoded(table.name, frame[name].fill_null(""), codec)
        texts[name] = text, text.to_frame().select(pl.all().str.len_chars().max()).item()
    return texts


def _encoded(dataset: str, column: pl.Series, codec: str) -> pl.Series:
    distinct = column.unique()
    wrong = [value for value in distinct.to_list() if not _encodable(value, codec)]
    if wrong:
        rows = column.is_in(wrong).sum()
        raise OutputError(f"{dataset}.{column.name}: {rows} rows have characters outside {codec}")
    encoded = [value.encode(codec).decode("latin-1") for value in distinct.to_list()]
    return column.replace_strict(distinct, pl.Series(encoded, dtype=pl.String), return_dtype=pl.String)


def _numbers(dataset: str, column: pl.Series) -> pl.Series:
    """A Num column as floats that an IBM float holds."""
    floats = as_floats(column)
    size = floats.abs()
    if large := (size > ibm.LARGEST).sum():
        raise OutputError(
            f"{dataset}.{column.name}: {large} rows exceed {ibm.LARGEST:.3g}, the largest in XPT"
        )
    if small := size.is_between(0, ibm.SMALLEST, closed="none").sum():
        raise OutputError(
            f"{dataset}.{column.name}: {small} rows are nearer to 0 than {ibm.SMALLEST:.3g}, the least in XPT"
        )
    if column.dtype != pl.Float64 and (rounded := (~is_exact(column)).sum()):
        raise OutputError(f"{dataset}.{column.name}: {rounded} rows have more digits than XPT holds")
    return floats


def _fields(
    table: Table, texts: Mapping[str, tuple[pl.Series, int]], numbers: Mapping[str, pl.Series]
) -> tuple[Field, ...]:
    fields, position = [], 0
    for column in table.columns:
        if column.type == "Char":
            length = _text_length(table.name, *texts[column.name], column.length)
        else:
            length = _number_length(numbers[column.name], column.width)
        fields.append(Field(column, length, position))
        position += length
    return tuple(fields)


def _text_length(dataset: str, text: pl.Series, longest: int, planned: int | None) -> int:
    if longest > TEXT_LENGTH:
        rows = (text.str.len_chars() > TEXT_LENGTH).sum()
        raise OutputError(
            f"{dataset}.{text.name}: {rows} rows are longer than {TEXT_LENGTH} bytes; split them before"
        )
    return min(max(1, longest, planned or 1), TEXT_LENGTH)


def _number_length(numbers: pl.Series, planned: int | None) -> int:
    """The bytes planned for a number, where all values are exact in them; else 8."""
    if planned is None or not MIN_NUMBER <= planned < NUMBER:
        return NUMBER
    words = ibm.encode(numbers.fill_null(float("nan")).to_numpy())
    return NUMBER if words.view("u1").reshape(-1, NUMBER)[:, planned:].any() else planned


def _check_end(table: Table, fields: tuple[Field, ...]) -> None:
    """A record of blanks at the end cannot be told from what fills the file (TS-140): it would be lost."""
    width, height = sum(field.length for field in fields), len(table)
    size = width * height
    filled = size + -size % RECORD
    if not height or size - width <= filled - RECORD or any(c.type == "Num" for c in table.columns):
        return
    if not any((value or "").strip(" ") for value in table.frame.row(-1)):
        raise OutputError(f"{table.name}: its last record has no value, which XPT cannot hold; leave it out")


def _write_observations(
    stream: BinaryIO,
    frame: pl.DataFrame,
    fields: tuple[Field, ...],
    special: Mapping[str, Mapping[int, str]],
) -> None:
    """Rows of `frame`, whose text columns `_texts` has made, as bytes, a block at a time."""
    texts = [field for field in fields if field.column.type == "Char"]
    numbers = [field for field in fields if field.column.type == "Num"]
    runs = _in_runs(frame.select(pl.col(pl.String)))
    layout = np.dtype([(field.column.name, f"V{field.length}") for field in fields])
    store = np.empty(min(BLOCK, frame.height), layout)
    for start in range(0, frame.height, BLOCK):
        part = frame.slice(start, BLOCK)
        block = store[: part.height]
        _fill_text(block, part, texts, runs)
        for field in numbers:
            name = field.column.name
            values = part[name].fill_null(float("nan")).to_numpy()
            words = _with_letters(ibm.encode(values), special.get(name, {}), start)
            block[name] = _shortened(words, field.length)
        stream.write(block.data)
    stream.write(b" " * (-frame.height * layout.itemsize % RECORD))


def _in_runs(frame: pl.DataFrame) -> set[str]:
    """Columns whose values mostly repeat the row before: sorted datasets have many."""
    changes = frame.select((pl.all() != pl.all().shift()).sum())
    return {name for name in frame.columns if changes[name][0] * 4 < frame.height}


def _fill_text(block: NDArray[np.void], part: pl.DataFrame, fields: list[Field], runs: set[str]) -> None:
    """Every Char column padded to its length and laid into the block; a run is padded once and repeated."""
    texts, repeats = [], []
    for field in fields:
        column = pl.col(field.column.name)
        if field.column.name in runs:
            repeats.append(column.rle().struct.field("len").implode().alias(field.column.name))
            column = column.rle().struct.field("value")
        texts.append(column.str.pad_end(field.length).str.join("").alias(field.column.name))
    joined, lengths = part.select(texts), part.select(repeats)
    for field in fields:
        name = field.column.name
        cells = np.frombuffer(joined[name][0].encode("latin-1"), f"V{field.length}")
        block[name] = np.repeat(cells, lengths[name][0].to_numpy()) if name in runs else cells


def _shortened(words: NDArray[np.uint64], length: int) -> NDArray[np.void]:
    """The first bytes of big-endian words."""
    if length == NUMBER:
        return words.view("V8")
    return np.ascontiguousarray(words.view("u1").reshape(-1, NUMBER)[:, :length]).view(f"V{length}").ravel()


def _with_letters(words: NDArray[np.uint64], letters: Mapping[int, str], start: int) -> NDArray[np.uint64]:
    for row, letter in letters.items():
        if letter not in ibm.LETTERS or len(letter) != 1:
            raise OutputError(f"{letter!r} is no special missing value; those are _ and A to Z")
        if 0 <= row - start < len(words):
            words[row - start] = ord(letter) << 56
    return words
