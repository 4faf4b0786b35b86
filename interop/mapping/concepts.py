"""Code tables (``concepts/*.csv``): a code in a system -> the values a domain needs, and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import polars as pl

from interop.errors import MappingError
from interop.tables import Row, normal_text, read_table, suggestion

NOTES = ("display", "equivalence", "evidence", "mark", "note")


class CodeTable(msgspec.Struct, frozen=True):
    """A code map: rows keyed by system + code, with named targets.

    ``reverse`` = Y marks the row used from SDTM to FHIR. System ``text`` holds exact texts, compared in
    normal form (NFKC, lower case). Matching is by system and code, never by code alone.
    """

    name: str
    files: Sequence[Path]
    frame: pl.DataFrame
    targets: Sequence[str]

    @property
    def systems(self) -> Sequence[str]:
        """Code systems in the table, ``text`` left out, in order of appearance."""
        return [s for s in self.frame["system"].unique(maintain_order=True) if s != "text"]

    def forward(self, target: str) -> Mapping[tuple[str, str], str]:
        """(system, code) -> target value, rows without one left out."""
        self.require(target)
        rows = self.frame.select("system", "code", target).drop_nulls().iter_rows()
        return {(system, code): value for system, code, value in rows}

    def reverse(self, target: str, *, give: str = "code") -> Mapping[str, tuple[str, str]]:
        """Target value -> (system, `give`) of its reverse row, or of its only row."""
        self.require(target)
        rows = self.frame.filter(pl.col(target).is_not_null() & pl.col(give).is_not_null())
        marked = pl.col("reverse") == "Y" if "reverse" in rows.columns else pl.lit(value=False)
        only = pl.len().over(target) == 1
        chosen = rows.filter(marked.fill_null(value=False) | only)
        return {
            value: (system, code)
            for value, system, code in chosen.select(target, "system", give).reverse().iter_rows()
        }

    def require(self, column: str) -> None:
        """Raise MappingError when the table has no such column."""
        if column not in self.frame.columns:
            near = suggestion(column, self.targets)
            raise MappingError(
                f'table {self.name} has no column "{column}"{near}', file=self.files[0], line=1
            )


def read_code_table(name: str, folders: Sequence[Path]) -> CodeTable:
    """Read ``NAME.csv`` of the packaged concepts and of a study's own, which wins on the same system + code.

    A study's row may say ``same_as``: a code of the packaged table whose targets it shares. Raises
    MappingError with file:line on a repeated key, two reverse rows of one target, or a ``same_as`` that is
    not there.
    """
    files = [folder / f"{name}.csv" for folder in folders if (folder / f"{name}.csv").is_file()]
    if not files:
        raise MappingError(f"no code table {name}.csv in {', '.join(folder.name for folder in folders)}")
    merged: dict[tuple[str, str], dict[str, str | None]] = {}
    named: dict[str, None] = {}  # columns in order of appearance, also those without a value
    for file in files:
        own: dict[tuple[str, str], int] = {}
        for row in read_table(file, required=("system", "code")):
            key = _key(row, file)
            if key in own:
                raise MappingError(
                    f"{key[0]}|{key[1]} stands here twice (line {own[key]})", file=file, line=row.line
                )
            own[key] = row.line
            named |= dict.fromkeys(row.values)
            merged[key] = {
                **_shared(row, merged, file),
                **{k: v for k, v in row.values.items() if v},
                "system": key[0],
                "code": key[1],
            }
    columns = list(named)
    frame = pl.DataFrame(
        [{c: v.get(c) for c in columns} for v in merged.values()], schema=dict.fromkeys(columns, pl.String)
    )
    targets = [c for c in columns if c not in ("system", "code", "reverse", "same_as", *NOTES)]
    table = CodeTable(name, files, frame, targets)
    _check_reverse(table)
    return table


def _key(row: Row, file: Path) -> tuple[str, str]:
    system, code = row["system"], row["code"]
    if not system or not code:
        raise MappingError("system and code must both be given", file=file, line=row.line)
    return system, normal_text(code) if system == "text" else code


def _shared(
    row: Row, merged: Mapping[tuple[str, str], Mapping[str, str | None]], file: Path
) -> Mapping[str, str | None]:
    same_as = row["same_as"]
    if same_as is None:
        return {}
    found = [values for (_, code), values in merged.items() if code == same_as]
    if len(found) != 1:
        word = "is not a code of the packaged table" if not found else "names codes of several systems"
        raise MappingError(
            f'same_as "{same_as}" {word}{suggestion(same_as, [c for _, c in merged])}',
            file=file,
            line=row.line,
        )
    return {column: value for column, value in found[0].items() if column not in ("reverse", *NOTES)}


def _check_reverse(table: CodeTable) -> None:
    if "reverse" not in table.frame.columns:
        return
    keys = [c for c in ("target", "testcd", "nrind") if c in table.targets][:1]
    marked = (
        table.frame.filter(pl.col("reverse") == "Y")
        .group_by(keys, maintain_order=True)
        .len()
        .filter(pl.col("len") > 1)
    )
    if keys and marked.height:
        raise MappingError(
            f"table {table.name}: two reverse rows for {marked.row(0)[0]}", file=table.files[0]
        )
