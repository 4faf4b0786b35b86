"""Issues for a reader: as text, JSON, CSV, one HTML page, or a FHIR OperationOutcome."""

import csv
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import msgspec

from interop.errors import OutputError
from interop.issues import SEVERITIES, Issue, Issues, Location, printable
from interop.mapping.sidecars import issues_json

RULES_SYSTEM = "https://fhir-sdtm-interop.org/fhir/CodeSystem/rules"
_PLACES = Location.__struct_fields__
_COLUMNS = ("severity", "rule", "code", "count", *_PLACES, "message", "value")
_SHOWN = ("severity", "rule", "count", "where", "message")

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Issues</title>
<style>
body { font: 14px/1.4 sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .3em .8em .3em 0; border-bottom: 1px solid #ddd; }
td:nth-child(3) { text-align: right; }
td:nth-child(4) { overflow-wrap: anywhere; max-width: 32em; }
.fatal, .error { color: #a00; }
.warning { color: #850; }
</style>
</head>
<body>
<h1>Issues</h1>
<p>$summary</p>
<table>
<thead><tr>$head</tr></thead>
<tbody>
$rows
</tbody>
</table>
</body>
</html>
""")


def as_text(issues: Issues) -> str:
    """A line per issue, worst first, and a last line that counts them."""
    return "".join(f"{issue}\n" for issue in issues) + f"{summary(issues)}\n"


def as_json(issues: Issues) -> str:
    """JSON as ``_interop/issues.json`` has it."""
    return issues_json(issues).decode()


def as_csv(issues: Issues) -> str:
    """A table with a row per issue; what a spreadsheet would run gets an apostrophe before it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for issue in issues:
        row = {**msgspec.structs.asdict(issue), **msgspec.structs.asdict(issue.where)}
        table.writerow([_cell(row[name]) for name in _COLUMNS])
    return text.getvalue()


def as_html(issues: Issues) -> str:
    """One page without scripts, pictures or anything from elsewhere."""
    rows = "\n".join(map(_html_row, issues))
    head = "".join(f"<th>{name}</th>" for name in _SHOWN)
    return _PAGE.substitute(summary=summary(issues), head=head, rows=rows)


def as_operation_outcome(issues: Issues) -> str:
    """A FHIR R4 OperationOutcome as JSON; `details.coding[0].code` is the rule."""
    found = [_outcome_issue(issue) for issue in issues]
    nothing = {"severity": "information", "code": "informational", "details": {"text": "no issues"}}
    outcome = {"resourceType": "OperationOutcome", "issue": found or [nothing]}  # issue has a minimum of one
    return msgspec.json.format(msgspec.json.encode(outcome), indent=1).decode() + "\n"


def summary(issues: Issues) -> str:
    """How many issues of each severity, in words."""
    return ", ".join(f"{n} {name}" for name in SEVERITIES if (n := issues.counts[name])) or "no issues"


#: Forms in which issues can be written, by name.
FORMATS: Mapping[str, Callable[[Issues], str]] = {
    "text": as_text,
    "json": as_json,
    "csv": as_csv,
    "html": as_html,
    "operation-outcome": as_operation_outcome,
}


def write_issues(issues: Issues, path: Path, *, form: str, force: bool = False) -> None:
    """Write issues to a file in one of `FORMATS`, whole or not at all.

    Raises OutputError when the file exists, unless `force`, or cannot be written.
    """
    if path.exists() and not force:
        raise OutputError(f"{path}: exists; name another file, or use --force to replace it")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(FORMATS[form](issues), encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _where(issue: Issue) -> str:
    places = msgspec.structs.asdict(issue.where).items()
    return " ".join(f"{name}={place}" for name, place in places if place is not None)


def _html_row(issue: Issue) -> str:
    message = f"{issue.message} [{issue.value}]" if issue.value else issue.message
    cells = (issue.severity, issue.rule, issue.count, _where(issue), message)
    shown = "".join(f"<td>{escape(printable(str(cell)))}</td>" for cell in cells)
    return f'<tr class="{escape(issue.severity)}">{shown}</tr>'


def _outcome_issue(issue: Issue) -> dict[str, Any]:
    coding = {"system": RULES_SYSTEM, "code": issue.rule}
    times = f"{issue.count} times" if issue.count > 1 else ""
    diagnostics = " ".join(filter(None, (_where(issue), issue.value, times)))
    made = {
        "severity": issue.severity,
        "code": issue.code,
        "details": {"coding": [coding], "text": printable(issue.message)},
        **({"diagnostics": printable(diagnostics)} if diagnostics else {}),
    }
    return {**made, "expression": [issue.where.path]} if issue.where.path else made


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text[:1] in set("=+-@'") else text
