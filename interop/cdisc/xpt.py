"""Writing SAS Transport v5 (XPT), the format in which agencies take SDTM datasets."""

import codecs
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interop.cdisc import ibm
from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import LABEL_LENGTH
from interop.cdisc.xpt_records import NUMBER, RECORD, Field, Member, moment, pack
from interop.errors import OutputError

TEXT_LENGTH = 200  # bytes of the longest Char value in v5
BLOCK = 1 << 16  # observations that are held as bytes at a time

_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")


def write_xpt(
    dataset: Dataset | Member,
    path: Path | str,
    *,
    encoding: str = "utf-8",
    lengths: Mapping[str, int] | None = None,
    timestamp: datetime | None = None,
    special: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """Writes a dataset as SAS Transport v5, whole or not at all.

    `encoding` is that of the text ("utf-8", "ascii", "euc-cn"); a Char variable is as long as its longest
    value in bytes of it, at least 1, or as `lengths` says. No clock is read: the file is dated 1 January 1960
    unless `timestamp` is given. `special` names missing values other than "." (variable -> row -> letter).
    Null text is blanks and trailing blanks do not survive the format; null numbers are ".".

    Raises `OutputError`, naming dataset, variable and number of rows, for what v5 cannot hold: a name above 8
    characters, a label above 40 bytes, text above 200 bytes, a character outside `encoding`, a number above
    7.2e75. Obeys SAS technical note TS-140.
    """
    path, name = Path(path), dataset.name
    codec = _codec(encoding)
    _check_names(dataset, codec)
    texts = _texts(dataset, codec)
    fields = _fields(dataset, texts, lengths or {})
    for variable in dataset.variables:
        if variable.type == "Num":
            _check_range(name, dataset.frame[variable.name])
    head = pack(name, dataset.label.encode(codec), fields, encoding=codec, at=moment(timestamp))
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            stream.write(head)
            frame = dataset.frame.with_columns(text for text, _ in texts.values())
            _write_observations(stream, frame, fields, special or {})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _codec(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise OutputError(
            f"{encoding!r} is no text encoding, such as 'utf-8', 'ascii' or 'euc-cn'"
        ) from error


def _check_names(dataset: Dataset | Member, codec: str) -> None:
    named = [(dataset.name, dataset.label, "dataset")]
    named += [(v.name, v.label, f"variable of {dataset.name}") for v in dataset.variables]
    if len(named) == 1:
        raise OutputError(f"{dataset.name} has no variables to write")
    for name, label, what in named:
        if not _NAME.fullmatch(name):
            raise OutputError(f"{what} {name!r}: XPT needs 1 to 8 of A-Z, 0-9 and _, no digit first")
        if not _encodable(label, codec) or len(label.encode(codec)) > LABEL_LENGTH:
            raise OutputError(f"{what} {name}: its label must fit {LABEL_LENGTH} bytes of {codec}")


def _encodable(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _texts(dataset: Dataset | Member, codec: str) -> dict[str, tuple[pl.Series, int]]:
    """Char columns in text of which each character is one byte of `codec`, with the longest; null is ""."""
    names = [variable.name for variable in dataset.variables if variable.type == "Char"]
    frame = dataset.frame.select(names)
    size, characters = pl.all().str.len_bytes(), pl.all().str.len_chars()
    facts = frame.select(size.max(), (size.sum() == characters.sum()).name.suffix(" is ASCII"))
    texts = {}
    for name in names:
        # ASCII is the same bytes in every encoding that transport files use
        if facts[f"{name} is ASCII"][0]:
            texts[name] = frame[name].fill_null(""), facts[name][0] or 0
            continue
        text = _encoded(dataset.name, frame[name].fill_null(""), codec)
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


def _fields(
    dataset: Dataset | Member, texts: Mapping[str, tuple[pl.Series, int]], lengths: Mapping[str, int]
) -> tuple[Field, ...]:
    fields, position = [], 0
    for variable in dataset.variables:
        length = NUMBER
        if variable.type == "Char":
            length = _length(dataset.name, *texts[variable.name], lengths.get(variable.name))
        fields.append(Field(variable, length, position))
        position += length
    return tuple(fields)


def _length(dataset: str, text: pl.Series, longest: int, given: int | None) -> int:
    limit = min(given or TEXT_LENGTH, TEXT_LENGTH)
    if longest > limit:
        rows = (text.str.len_chars() > limit).sum()
        raise OutputError(
            f"{dataset}.{text.name}: {rows} rows are longer than {limit} bytes; split them before"
        )
    return given or max(1, longest)


def _check_range(dataset: str, column: pl.Series) -> None:
    if large := (column.cast(pl.Float64).abs() > ibm.LARGEST).sum():
        raise OutputError(
            f"{dataset}.{column.name}: {large} rows exceed {ibm.LARGEST:.3g}, the largest in XPT"
        )


def _write_observations(
    stream: BinaryIO,
    frame: pl.DataFrame,
    fields: tuple[Field, ...],
    special: Mapping[str, Mapping[int, str]],
) -> None:
    """Rows of `frame`, whose text columns `_texts` has made, as bytes, a block at a time."""
    texts = [field for field in fields if field.variable.type == "Char"]
    numbers = [field.variable.name for field in fields if field.variable.type == "Num"]
    runs = _in_runs(frame.select(pl.col(pl.String)))
    layout = np.dtype([(field.variable.name, f"V{field.length}") for field in fields])
    store = np.empty(min(BLOCK, frame.height), layout)
    for start in range(0, frame.height, BLOCK):
        part = frame.slice(start, BLOCK)
        block = store[: part.height]
        _fill_text(block, part, texts, runs)
        for name in numbers:
            values = part[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            block[name] = _with_letters(ibm.encode(values), special.get(name, {}), start).view("V8")
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
        column = pl.col(field.variable.name)
        if field.variable.name in runs:
            repeats.append(column.rle().struct.field("len").implode().alias(field.variable.name))
            column = column.rle().struct.field("value")
        texts.append(column.str.pad_end(field.length).str.join("").alias(field.variable.name))
    joined, lengths = part.select(texts), part.select(repeats)
    for field in fields:
        name = field.variable.name
        cells = np.frombuffer(joined[name][0].encode("latin-1"), f"V{field.length}")
        block[name] = np.repeat(cells, lengths[name][0].to_numpy()) if name in runs else cells


def _with_letters(words: NDArray[np.uint64], letters: Mapping[int, str], start: int) -> NDArray[np.uint64]:
    for row, letter in letters.items():
        if letter not in ibm.LETTERS or len(letter) != 1:
            raise OutputError(f"{letter!r} is no special missing value; those are _ and A to Z")
        if 0 <= row - start < len(words):
            words[row - start] = ord(letter) << 56
    return words
