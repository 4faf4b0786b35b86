"""The official SQL-on-FHIR v2 tests: the cases, and what each demands of the plain and the compiled way."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from suites.outcome import Outcome, tally

from interop.errors import MappingError
from interop.fhir.columns import compile_view
from interop.fhir.distinct import as_text
from interop.fhir.json import parse
from interop.fhir.view import View, rows

EXPERIMENTAL = "experimental"
SOURCE = re.compile(r"sql-on-fhir-v2 at ([0-9a-f]+)")


class Case(msgspec.Struct, frozen=True):
    """One test and the bytes of the file that it stands in, whose resources it reads."""

    name: str
    test: dict
    content: bytes

    @property
    def is_shareable(self):
        return "shareable" in self.test["tags"]

    @property
    def gives_rows(self):
        return not self.test.get("expectError")


def cases(shared: Path) -> Iterator[Case]:
    for file in sorted((shared / "data/sql-on-fhir").glob("*.json")):
        content = file.read_bytes()
        for test in json.loads(content)["tests"]:
            yield Case(f"{file.stem}: {test['title']}", test, content)


def version(shared: Path) -> str:
    """The commit of the tests, as the note beside them says."""
    return SOURCE.search((shared / "data/sql-on-fhir/README.md").read_text(encoding="utf-8"))[1]


def in_any_order(table):
    return sorted(json.dumps(row, sort_keys=True, default=float) for row in table)


def check_plain(case: Case) -> None:
    """The plain evaluator gives the expected rows, or refuses what must be refused."""
    resources = parse(case.content)["resources"]
    try:
        found = rows(View.load(case.test["view"]), resources)
    except MappingError:
        if case.gives_rows:
            raise
        return
    assert case.gives_rows, "accepted, though it must be refused"
    assert in_any_order(found) == in_any_order(case.test["expect"])
    if "expectColumns" in case.test:
        assert list(found[0]) == case.test["expectColumns"]


def check_compiled(case: Case) -> None:
    """The fast path gives what the plain one gives, or refuses what must be refused."""
    try:
        found = compiled_rows(case)
    except MappingError:
        if case.gives_rows:
            raise
        return
    assert case.gives_rows, "accepted, though it must be refused"
    view = View.load(case.test["view"])
    expected = rows(view, parse(case.content)["resources"])
    texts = [{column.name: as_text(column, row[column.name]) for column in view.columns} for row in expected]
    assert found == texts


def compiled_rows(case: Case):
    view = View.load(case.test["view"])
    document = msgspec.json.decode(case.content, type=dict[str, msgspec.Raw])
    raws = msgspec.json.decode(document["resources"], type=list[dict[str, msgspec.Raw]])
    mine = [raw for raw in raws if bytes(raw["resourceType"]).decode() == f'"{view.resource}"']
    compiled = compile_view(view)
    elements = {name: [bytes(raw.get(name, b"")) for raw in mine] for name in compiled.elements}
    found = compiled.columns(elements, resource_type=view.resource)
    return found.drop("_row", "_index").to_dicts()


def outcome(shared: Path, tag: str, check: Callable[[Case], None]) -> Outcome:
    """The tests of a tag ("shareable", "experimental") under a check; a list has each experimental one."""
    own = [(case.name, case) for case in cases(shared) if tag in case.test["tags"]]
    found = tally(version(shared), own, check)
    failed = [name.partition(": ")[0] for name in found.listed]
    passed = [f"{name}: passed" for name, _ in own if tag == EXPERIMENTAL and name not in failed]
    return Outcome(found.version, found.passed, found.total, (*found.listed, *passed))
