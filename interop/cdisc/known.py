"""What the standard says of variables that a file names and does not describe."""

from collections.abc import Mapping

import msgspec
import polars as pl

from interop.cdisc.standard import Standard, Variable
from interop.cdisc.table import Table
from interop.cdisc.tabular import as_numbers

PREFIX = 2  # letters of a domain that begin the names of its variables (SDTMIG 3.4 2.1)


def described(table: Table, standard: Standard) -> Table:
    """A table of a CSV file, with what the standard says of its variables.

    A variable of its own domain gets label and type, and so does one of the same name in another (VISITNUM);
    one whose generic name another domain has gets the type alone (VSSEQ is --SEQ). A column that is Num by
    the standard and holds a text that is no number stays Char. Other variables stay as they are.
    """
    own = standard.dataset(table.name) if table.name in standard else None
    shared = _shared(standard)
    columns, series = [], []
    for column in table.columns:
        name = column.name
        dashes = f"--{name[PREFIX:]}" if name.startswith(table.name[:PREFIX]) else name
        found = own[name] if own and name in own else shared.get(name)
        kind = found or shared.get(dashes)
        values = table.frame[name]
        numbers = as_numbers(values) if kind and kind.type == "Num" and column.type == "Char" else None
        shown = msgspec.structs.replace(
            column,
            label=column.label or (found.label if found else ""),
            type=column.type if numbers is None else "Num",
        )
        values = values if numbers is None else numbers
        columns.append(shown)
        series.append(values)
    label = own.label if own and not table.label else table.label
    frame = pl.DataFrame(series) if series else table.frame
    return msgspec.structs.replace(table, label=label, columns=tuple(columns), frame=frame)


def _shared(standard: Standard) -> Mapping[str, Variable]:
    """Variables by generic name; the first domain that has it counts."""
    found: dict[str, Variable] = {}
    for domain in standard.domains.values():
        for variable in domain:
            found.setdefault(domain.generic(variable.name), variable)
    return found
