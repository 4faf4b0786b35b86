"""Accounts of verbs for coded values: recode, ct, unit."""

from interop.mapping.accounts.registry import Account, Facts, Row, first, tells, whole
from interop.mapping.model import Variable
from interop.mapping.verbs.coded import table_target
from interop.mapping.verbs.registry import names
from interop.tables import normal_text


@tells("recode")
def recode(variable: Variable, row: Row, facts: Facts) -> Account:
    """The row of the code table that has the value, with its file:line."""
    table, target = table_target(variable.argument)
    source = variable.options.get("from")
    if source == "gate":
        return Account([f"gate.{target}"], [])
    for name, system in (source or {}).items():
        parts = name.split("/")
        values = [row.get(part) for part in parts]
        if any(value is None for value in values):
            continue
        codes = values[0] if isinstance(values[0], list) else ["/".join(map(str, values))]
        for code in codes:
            step = _found(variable, (table, system, str(code), target), row, facts)
            if step is not None:
                return Account(parts, [step])
    return whole(variable, row)


def _found(variable: Variable, asked: tuple[str, str, str, str], row: Row, facts: Facts) -> str | None:
    """A step: the row of a code table that has the value, or the text that is itself a submission value."""
    table, system, code, target = asked
    key = normal_text(code) if system == "text" else code
    value = row.get(variable.name)
    if facts.citations.entries(table, target).get((system, key)) == value:
        return f"{system}|{code} has {target} {value} ({facts.citations.code(table, system, key)})"
    if variable.options.get("accept") and system == "text" and normal_text(code) == normal_text(str(value)):
        return f"a submission value of codelist {variable.codelist}"
    return None


@tells("ct")
def ct(variable: Variable, row: Row, facts: Facts) -> Account:
    """The text, a submission value itself."""
    del row, facts
    return Account([str(variable.argument)], [f"a submission value of codelist {variable.codelist}"])


@tells("unit")
def unit(variable: Variable, row: Row, facts: Facts) -> Account:
    """The unit as sent, by its UCUM code or its spelling, with the file:line of that."""
    argument = variable.argument
    exact = first(row, names(argument.get("cdisc")))
    if exact:
        return Account(exact, ["the exact unit that the carrier holds"])
    parts = [name for name in str(argument.get("ucum", "")).split("/") if row.get(name) is not None]
    used = parts or first(row, names(argument.get("text")))
    steps = []
    for name in used:
        text = str(row[name])
        known = facts.context.units.units.get(text.strip())
        how = f"UCUM {text}" if known else f'"{text}" is a spelling'
        steps.append(f"{how} of {known or row.get(variable.name)} ({facts.citations.unit(text)})")
    return Account(used, steps)
