"""Accounts of verbs that move a value or show it: hardcode, assign, concat, id, usubjid, dtc, derive."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interop.mapping.accounts.registry import Account, Facts, Row, first, tells
from interop.mapping.context import Context
from interop.mapping.derive import DERIVATIONS
from interop.mapping.exposure import told_dose
from interop.mapping.model import Variable
from interop.mapping.verbs.registry import names, of_from


@tells("hardcode")
def hardcode(variable: Variable, row: Row, facts: Facts) -> Account:
    """The mapping's literal, or the study's setting with its file:line."""
    del row
    text = str(variable.argument)
    if not text.startswith("study."):
        return Account(steps=["the mapping says so"])
    setting = text.removeprefix("study.")
    return Account(steps=[f"setting {setting} of the study ({facts.citations.setting(setting)})"])


@tells("assign")
def assign(variable: Variable, row: Row, facts: Facts) -> Account:
    """The first column that has a value, as it is."""
    read = names(variable.argument)
    if read[0].startswith("roster."):
        return _roster(variable, row, facts)
    return Account(first(row, read), ["as it is"])


def _roster(variable: Variable, row: Row, facts: Facts) -> Account:
    """What the roster knows: as sent in the column that goes back there, or a setting, or from elsewhere."""
    read, value = str(variable.argument), row.get(variable.name)
    written = [name for name, how in (variable.put or {}).items() if how == "value"]
    used = [name for name in written if row.get(name) == value]
    setting = read.removeprefix("roster.").removesuffix("id")
    if not used and facts.context.setting(setting) == value:
        return Account([], [f"setting {setting} of the study ({facts.citations.setting(setting)})"])
    return Account(used or [read], ["as it is"])


@tells("concat")
def concat(variable: Variable, row: Row, facts: Facts) -> Account:
    """All columns that have a value."""
    del facts
    read = [name for name in names(variable.argument) if name != "/" and row.get(name) is not None]
    return Account(read, ["joined by blanks"])


@tells("id")
def identifier(variable: Variable, row: Row, facts: Facts) -> Account:
    """The study's own identifier, or the key of the resource."""
    del facts
    if row.get(variable.argument) is not None:
        return Account([variable.argument], ["the identifier of the study's own system"])
    return Account(["_key"], ["no identifier of the study's own system: the key of the resource"])


@tells("usubjid")
def usubjid(variable: Variable, row: Row, facts: Facts) -> Account:
    """The study's own identifier of the subject, or the parts that it is made of."""
    written = [name for name, how in (variable.put or {}).items() if how == "value"]
    used = [name for name in written if row.get(name) == row.get(variable.name) is not None]
    made = f"study ({facts.citations.setting('id')}), site and subject, joined by dashes"
    return Account(used, ["as it is" if used else made])


@tells("dtc")
def dtc(variable: Variable, row: Row, facts: Facts) -> Account:
    """The first date that is there: the exact text of a carrier, or a time shown in the study's zone."""
    read = names(variable.argument)
    carriers = [name for name in read if name.rpartition(".")[2].endswith("dtc")]
    exact = first(row, carriers)
    if exact:
        return Account(exact, ["the exact text that the carrier holds"])
    used = first(row, [name for name in read if name not in carriers])
    text, value = str(row[used[0]]) if used else "", row.get(variable.name)
    if text == value:
        return Account(used, ["as it is"])
    zone = f"{facts.context.setting('zone')} ({facts.citations.setting('zone')})"
    read_there = "; without an offset, so read there" if row.get(f"_{variable.name}.assumed") else ""
    instant = row.get(f"_{variable.name}.instant")
    return Account(used, [f"shown in {zone}{read_there}; the instant is {instant}"])


#: How a derivation reckoned, by its name: from what it read, in its order.
ARITHMETIC: Mapping[str, Callable[[Sequence[Any], Context], str | None]] = {"dose": told_dose}


@tells("derive")
def derive(variable: Variable, row: Row, facts: Facts) -> Account:
    """What the derivation's first sentence says, its arithmetic, and all that it was derived from."""
    means = (DERIVATIONS[variable.argument].__doc__ or "").strip().partition("\n")[0]
    used = [name for name in of_from(variable) if row.get(name) is not None or _is_elsewhere(name)]
    sums = ARITHMETIC.get(variable.argument)
    reckoned = sums([row.get(name) for name in of_from(variable)], facts.context) if sums else None
    return Account(used, [f"{variable.argument}: {means.rstrip('.')}", *([reckoned] if reckoned else [])])


def _is_elsewhere(name: str) -> bool:
    domain, _, variable = name.partition(".")
    return domain.isupper() and bool(variable)
