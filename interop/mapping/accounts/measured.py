"""Accounts of verbs for results: result, limit, std; with every factor and rounding (SDTMIG 4.5.1)."""

from interop.mapping.accounts.registry import Account, Facts, Row, account, first, tells
from interop.mapping.model import Variable
from interop.mapping.results import FEWEST_DIGITS, MOST_DIGITS
from interop.mapping.verbs.registry import names
from interop.tables import normal_text


@tells("result")
def result(variable: Variable, row: Row, facts: Facts) -> Account:
    """The parts of value[x] that the text was written of."""
    del facts
    argument = variable.argument
    number = first(row, [argument["number"]])
    if number:
        used = [*first(row, [argument["comparator"]]), *number]
    else:
        pairs = [["/".join(argument[kind])] for kind in ("ratio", "range") if kind in argument]
        singles = [names(argument.get(kind)) for kind in ("integer", "boolean", "text")]
        used = next((found for read in (*pairs, *singles) if (found := first(row, read))), [])
    joined = {":": "ratio", "-": "range"}
    sent = "".join(str(row[name]) for name in used)
    value = str(row.get(variable.name))
    ways = [sent, *(f"{mark}".join(str(row[name]) for name in used) for mark in joined)]
    if value in ways[:1]:
        return Account(used, ["as it is"])
    return Account(used, ["both parts as they are" if value in ways else f'"{sent}" is written {value}'])


@tells("limit")
def limit(variable: Variable, row: Row, facts: Facts) -> Account:
    """The limit as sent, and the factor to the result's unit where the range has another."""
    alias, unit = variable.options["from"]
    end = _limit_name(alias, variable.argument, row)
    sent, own = row.get(f"{alias}.unit"), row.get(unit)
    if variable.argument in ("low", "high") and sent and own and sent != own:
        step = _converted(
            str(row[f"{alias}.{variable.argument}"]), facts.citations.conversion(None, sent, own)
        )
        return Account([end, f"{alias}.unit", unit], [step])
    return Account([end], ["as it is" if end.endswith(variable.argument) else "read from the range's text"])


def _limit_name(alias: str, end: str, row: Row) -> str:
    return f"{alias}.written" if row.get(f"{alias}.written") is not None else f"{alias}.{end}"


@tells("std")
def std(variable: Variable, row: Row, facts: Facts) -> Account:
    """The value in the standard unit: each factor with its file:line, and the rounding."""
    part, read = variable.argument, variable.options["from"]
    if part in ("number", "unit"):
        steps = account(facts.columns[read[0]], row, facts).steps
        return Account([read[0]], [*steps, f"the {part} of that"])
    if part == "result":
        return _std_result(variable, row, facts)
    if part == "high":
        read = facts.columns[read[0]].options["from"]
    alias, _, unit, test, standard = read
    limit = _limit_name(alias, part, row)
    sent = f"{alias}.unit" if row.get(f"{alias}.unit") is not None else unit
    steps, uses = _standardized(str(row.get(f"{alias}.{part}")), (sent, test, standard), row, facts)
    return Account([limit, *uses], steps)


def _std_result(variable: Variable, row: Row, facts: Facts) -> Account:
    orres, unit, test, standard = variable.options["from"]
    text, value = str(row.get(orres)), str(row.get(variable.name))
    map_, coded = variable.options["map"], variable.options.get("qualitative")
    code = row.get(coded) if coded else None
    entries = facts.citations.entries(map_, "target")
    of_code = entries.items() if code is not None else ()
    by_code = [key for key, term in of_code if key[0] != "text" and key[1] == code and term == value]
    if by_code:
        step = f"{by_code[0][0]}|{code} has target {value} ({facts.citations.code(map_, *by_code[0])})"
        return Account([str(coded)], [step])
    if row.get(f"_{variable.name}.unit") is not None:
        steps, uses = _standardized(text, (unit, test, standard), row, facts)
        return Account([orres, *uses], steps)
    for word in (normal_text(text), "".join(normal_text(text).split())):
        if entries.get(("text", word)) == value:
            return Account(
                [orres], [f'"{word}" has target {value} ({facts.citations.code(map_, "text", word)})']
            )
    return Account([orres], ["as it is"])


def _standardized(
    text: str, read: tuple[str, str, str], row: Row, facts: Facts
) -> tuple[list[str], list[str]]:
    """Steps from a value in its unit to the standard unit, and the names used."""
    unit, test, standard = read
    testcd = str(row.get(test))
    own = facts.context.setting("standard_units", {}).get(testcd)
    sent, wanted = row.get(unit), own or row.get(standard)
    where = f" ({facts.citations.setting(f'standard_units.{testcd}')})" if own else ""
    if sent is None or wanted is None:
        return ["as it is"], [name for name in (unit, standard) if row.get(name) is not None]
    if sent == wanted:
        return [f"as it is: {sent} is the standard unit{where}"], [unit, standard]
    conversion = facts.citations.conversion(testcd, str(sent), str(wanted))
    return [f"{_converted(text, conversion)}{where}"], [unit, test, standard]


def _converted(text: str, conversion: str) -> str:
    if conversion.startswith("x 1 "):
        return f"{text} {conversion}"
    sent = len(text.lstrip("<>=- ").replace(".", "").lstrip("0"))
    digits = min(max(sent, FEWEST_DIGITS), MOST_DIGITS)
    return f"{text} {conversion}, rounded half up to {digits} digits"
