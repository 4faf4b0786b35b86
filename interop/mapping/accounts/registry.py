"""The registry of accounts: how a verb came to its value in one row, told in names and steps.

A verb without a function of its own used all names that it reads and that have a value.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from interop.mapping.citation import Citations
from interop.mapping.context import Context
from interop.mapping.model import Variable
from interop.mapping.names import needs

Row = Mapping[str, Any]


class Account(msgspec.Struct, frozen=True):
    """Names that were used, in the order in which the value was made of them, and the steps."""

    uses: Sequence[str] = ()
    steps: Sequence[str] = ()


class Facts(msgspec.Struct, frozen=True):
    """What an account may look at besides the row: settings, tables and their places, own columns."""

    context: Context
    citations: Citations
    columns: Mapping[str, Variable]


Tells = Callable[[Variable, Row, Facts], Account]
ACCOUNTS: dict[str, Tells] = {}


def tells(verb: str) -> Callable[[Tells], Tells]:
    """Register a function as the account of a verb."""

    def register(function: Tells) -> Tells:
        ACCOUNTS[verb] = function
        return function

    return register


def account(variable: Variable, row: Row, facts: Facts) -> Account:
    """The account of an alternative that gave the value in a row of `interop.mapping.replay`."""
    function = ACCOUNTS.get(variable.verb)
    return function(variable, row, facts) if function is not None else whole(variable, row)


def whole(variable: Variable, row: Row) -> Account:
    """All that an alternative reads and that has a value."""
    return Account([name for name in needs(variable) if row.get(name) is not None])


def first(row: Row, read: Sequence[str]) -> list[str]:
    """The first of several names that has a value; of ``a/b`` its parts."""
    for name in read:
        parts = name.split("/")
        if all(row.get(part) is not None for part in parts):
            return parts
    return []
