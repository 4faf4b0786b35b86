"""The text as sent: which columns lineage keeps of what variables read, and how a sidecar holds them small.

A cell is explained by giving its verb again what it read. So the columns that variables read are kept for
each row, and on disk only where the dataset does not say the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from interop.cdisc.dataset import Dataset
from interop.mapping.model import Child, DomainMapping, Variable
from interop.mapping.names import needs
from interop.mapping.verbs import VERBS
from interop.mapping.verbs.coded import listed

SENT = "sent."  # before the name of a column that a view, a chooser or the gate gave
ABSENT = ""  # on disk, a null where the dataset has a value; FHIR R4 has no empty texts
LIST = "[]"  # after the name of a column of lists
PARTS = "parts"  # of a child: what the parts were that its chooser made values of
BETWEEN = "\u001f"  # between the items of a list; FHIR R4 has no such character in a code

# (variable, number of the alternative) of those that must have given the value; null keeps every row.
Readers = Sequence[tuple[str, int]] | None
BY_TEXT: Readers = ()  # kept in rows that the gate knew by their text


def kept(mapping: DomainMapping, columns: Iterable[str]) -> Mapping[str, Readers]:
    """Of a frame's columns those whose values as sent lineage keeps, with the alternatives that read them.

    A column that only alternatives with conditions read may hold what no cell shows, such as a note: it is
    kept for the rows for which one of them gave the value. References to the subject are not kept.
    """
    found: dict[str, Readers] = {}
    for variable in mapping.columns.values():
        for n, alternative in enumerate(variable.alternatives):
            asked = {*alternative.when, *alternative.unless}
            for name in _read(alternative):
                free = name in asked or (n == 0 and not asked)
                found[name] = None if free else _more(found.get(name, ()), (variable.name, n))
    if mapping.gate:
        found |= dict.fromkeys(("gate.system", "gate.code"))
        found |= {name: BY_TEXT for name in mapping.gate.candidates if name not in found}
    elsewhere = {records.alias for records in mapping.records}  # cells of another dataset, which has its own
    own = (column for column in columns if column.partition(".")[0] not in elsewhere)
    named = {column: read for column in own if (read := _named(column, found)) is not None}
    return {column: found[read] for column, read in named.items()}


def _more(readers: Readers, reader: tuple[str, int]) -> Readers:
    return None if readers is None else (*readers, reader)


def _read(alternative: Variable) -> Iterator[str]:
    """Names that may be columns as sent; of what the roster gives, the columns that it is read from."""
    reads = needs(alternative)
    if alternative.verb == "usubjid" or any(name.startswith("roster.") for name in reads):
        yield from (name for name, how in (alternative.put or {}).items() if how == "value")
    elif alternative.verb != "usubjid":
        yield from (name for name in reads if name.partition(".")[0] != "gate")


def _named(column: str, found: Mapping[str, Readers]) -> str | None:
    """The name by which a column is read: its own, or the alias of the row that it belongs to."""
    if column.startswith("_") or "._" in column:
        return None
    if column in found:
        return column
    alias, _, part = column.partition(".")
    if part == PARTS:
        return next((known for known in found if known.startswith(f"{alias}.")), None)
    return alias if alias in found and alias != column else None


def as_sent(mapping: DomainMapping, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """The columns of `kept` as text by their names in lineage; items of a list are joined by `BETWEEN`."""
    given: dict[str, pl.Series] = {}
    for name, readers in kept(mapping, frame.columns).items():
        if name in mapping.columns or frame[name].null_count() == frame.height:
            continue
        values = frame[name]
        values = values.set(~values, None) if values.dtype == pl.Boolean else values
        is_list = values.dtype == pl.List
        text = listed(values, BETWEEN) if is_list else values.cast(pl.String)
        given[f"{SENT}{name}{LIST if is_list else ''}"] = (
            text if readers is None else _where(frame, text, readers)
        )
    return given


def parts_as_sent(alias: str, child: Child, parts: pl.DataFrame) -> pl.DataFrame:
    """What the parts were that a chooser made values of: ``_at``, and a JSON array in ``ALIAS.parts``.

    Each part has its place in the list, the columns as sent that its own columns read (all of its view's, if
    it has none), and the keys of what it refers to.
    """
    made = [alternative for column in child.columns.values() for alternative in column.alternatives]
    read = {name for alternative in made for name in needs(alternative)} - set(child.columns)
    plain = [name for name in parts.columns if not name.startswith("_") and "._" not in name and name != "id"]
    keys = [f"{join}._key" for join in child.join if f"{join}._key" in parts.columns]
    wanted = [name for name in plain if name in read] if made else plain
    told = parts.sort("_at", "_nth").select(
        "_at", part=pl.struct("_index", *wanted, *keys).struct.json_encode()
    )
    joined = pl.concat_str(pl.lit("["), pl.col("part").str.join(","), pl.lit("]"))
    return told.group_by("_at", maintain_order=True).agg(joined.alias(f"{alias}.{PARTS}"))


def _where(frame: pl.DataFrame, text: pl.Series, readers: Sequence[tuple[str, int]]) -> pl.Series:
    """The text in rows for which one of the alternatives gave the value, or which are `BY_TEXT`."""
    if readers == BY_TEXT:
        return frame.select(pl.when(pl.col("gate.system") == "text").then(text.alias("sent")).alias("sent"))[
            "sent"
        ]
    gave = [
        pl.col(f"_{name}.branch") == n if f"_{name}.branch" in frame.columns else pl.col(name).is_not_null()
        for name, n in readers
        if name in frame.columns
    ]
    return frame.select(pl.when(pl.any_horizontal(gave)).then(text.alias("_text")).alias("sent"))["sent"]


def packed(lineage: pl.DataFrame, dataset: Dataset, mapping: DomainMapping) -> pl.DataFrame:
    """Lineage as the sidecar holds it, without columns that say nothing.

    A column that mostly says what a variable says becomes ``sent.COLUMN=VARIABLE``: null where both say the
    same, `ABSENT` where the variable has a value and the column none. The first alternative is null, and so
    is an instant that the text sent says itself.
    """
    own = _same_as(mapping, dataset)
    columns = []
    for held in lineage:
        column = held
        if held.name in own:
            column = _same(held, dataset.frame[own[held.name]])
        elif held.name.endswith(".instant"):
            column = held.set(~lineage[f"{held.name.removesuffix('.instant')}.assumed"], None)
        elif held.name.endswith(".branch"):
            column = held.set(held == 0, None)
        elif held.dtype == pl.Boolean:
            column = held.set(~held, None)
        columns += [column] if column.null_count() < column.len() or column.name != held.name else []
    return pl.DataFrame(columns)


def _same(text: pl.Series, value: pl.Series) -> pl.Series:
    same = (text == value) & ~text.str.ends_with(" ")  # XPT gives no trailing blanks back
    absent = text.is_null() & value.is_not_null()
    if (same.sum() or 0) <= (absent.sum() or 0):
        return text
    written = pl.when(absent).then(pl.lit(ABSENT)).when(same.not_().fill_null(value=True)).then(text)
    return pl.select(written.alias(f"{text.name}={value.name}")).to_series()


def unpacked(lineage: pl.DataFrame, dataset: pl.DataFrame) -> pl.DataFrame:
    """Lineage as it was before `packed`; the rows of `dataset` are the same, in the same order."""
    return pl.DataFrame([_unpacked(column, dataset) for column in lineage])


def _unpacked(held: pl.Series, dataset: pl.DataFrame) -> pl.Series:
    name, _, variable = held.name.partition("=")
    if not variable:
        return held
    said = pl.when(held.is_null()).then(dataset[variable]).when(held != ABSENT).then(held)
    return pl.select(said.alias(name)).to_series()


def read_again(lineage: pl.DataFrame) -> dict[str, pl.Series]:
    """The columns as they were read, by their own names, from unpacked lineage."""
    given = {}
    for column in lineage:
        if column.name.startswith(SENT):
            name = column.name.removeprefix(SENT)
            is_list = name.endswith(LIST)
            given[name.removesuffix(LIST)] = column.str.split(BETWEEN) if is_list else column
    return given


def _same_as(mapping: DomainMapping, dataset: Dataset) -> dict[str, str]:
    """Columns in lineage and the Char variable that often has the same text: the first to take it exactly."""
    found: dict[str, str] = {}
    for name, variable in mapping.variables.items():
        if name not in dataset.frame.columns or dataset.frame[name].dtype != pl.String:
            continue
        for alternative in variable.alternatives:
            if VERBS[alternative.verb].inverse == "E":
                for read in VERBS[alternative.verb].columns(alternative):
                    found.setdefault(f"{SENT}{_full(alternative, read)}", name)
    return found


def _full(alternative: Variable, read: str) -> str:
    """The column that a verb takes of a row that it names by its alias alone."""
    argument = alternative.argument
    return f"{read}.{argument}" if "from" in alternative.options and isinstance(argument, str) else read
