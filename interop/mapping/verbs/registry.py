"""The registry of verbs: a dict you can print; a verb is a get, the names it reads, and perhaps a put."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from interop.mapping.context import Column, Context
from interop.mapping.model import Variable

Get = Callable[[pl.DataFrame, Variable, Context], Column]
Put = Callable[[pl.DataFrame, Variable, Context], Mapping[str, pl.Series]]
Reads = Callable[[Variable], Sequence[str]]


class Verb(msgspec.Struct, frozen=True):
    """One verb: `get` makes a variable's column from the rows, `put` the view columns from a dataset's rows.

    `put` is null where nothing returns; `inverse` is the class of mapping.md: E exact, L lookup, C carrier, D
    derived.
    """

    name: str
    get: Get
    put: Put | None
    columns: Reads
    options: Sequence[str]
    inverse: str


VERBS: dict[str, Verb] = {}


def names(argument: Any) -> list[str]:
    """Column names in an argument: a text, a list, or the values of a mapping."""
    if argument is None:
        return []
    if isinstance(argument, str):
        return [argument]
    parts = argument.values() if isinstance(argument, Mapping) else argument
    return [name for part in parts for name in names(part)]


def of_argument(variable: Variable) -> Sequence[str]:
    """The columns that the verb's argument names; of ``a/b`` both."""
    return [part for name in names(variable.argument) for part in name.split("/")]


def of_from(variable: Variable) -> Sequence[str]:
    """The columns that the option `from` names: a list, or the keys of a mapping (column: code system)."""
    source = variable.options.get("from")
    found = list(source) if isinstance(source, Mapping) else names(source)
    return [part for name in found for part in name.split("/")]


def verb(
    name: str, *, put: Put | None, columns: Reads, options: Sequence[str] = (), inverse: str = "E"
) -> Callable[[Get], Get]:
    """Register a get function as the verb `name`; its docstring is the verb's manual page."""

    def register(get: Get) -> Get:
        VERBS[name] = Verb(name, get, put, columns, tuple(options), inverse)
        return get

    return register
