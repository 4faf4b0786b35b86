"""The official SQL-on-FHIR v2 conformance tests, on the plain evaluator; the fast path gives the same."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from interop.errors import MappingError
from interop.fhir.columns import compile_view
from interop.fhir.distinct import as_text
from interop.fhir.json import parse
from interop.fhir.view import View, rows

SHARED = os.environ.get("INTEROP_SHARED")
FILES = sorted((Path(SHARED) / "data" / "sql-on-fhir").glob("*.json")) if SHARED else []


def cases():
    for file in FILES:
        for test in json.loads(file.read_bytes())["tests"]:
            yield pytest.param(file, test, id=f"{file.stem}: {test['title']}")


if not FILES:
    pytest.skip("INTEROP_SHARED is not set: the SQL-on-FHIR tests are not here", allow_module_level=True)


def gives_rows(test):
    return not test.get("expectError")


def in_any_order(table):
    return sorted(json.dumps(row, sort_keys=True, default=float) for row in table)


@pytest.mark.parametrize(("file", "test"), list(cases()))
def test_conformance(file, test):
    resources = parse(file.read_bytes())["resources"]
    if test.get("expectError"):
        with pytest.raises(MappingError):
            rows(View.load(test["view"]), resources)
        return
    found = rows(View.load(test["view"]), resources)
    assert in_any_order(found) == in_any_order(test["expect"])
    if "expectColumns" in test:
        assert list(found[0]) == test["expectColumns"]


@pytest.mark.parametrize(("file", "test"), [case for case in cases() if gives_rows(case.values[1])])
def test_the_fast_path_gives_the_same(file, test):
    view = View.load(test["view"])
    document = msgspec.json.decode(file.read_bytes(), type=dict[str, msgspec.Raw])
    raws = msgspec.json.decode(document["resources"], type=list[dict[str, msgspec.Raw]])
    mine = [raw for raw in raws if bytes(raw["resourceType"]).decode() == f'"{view.resource}"']
    compiled = compile_view(view)
    elements = {name: [bytes(raw.get(name, b"")) for raw in mine] for name in compiled.elements}
    found = compiled.columns(elements, resource_type=view.resource)
    expected = rows(view, parse(bytes(document["resources"])))
    texts = [{column.name: as_text(column, row[column.name]) for column in view.columns} for row in expected]
    assert found.drop("_row", "_index").to_dicts() == texts


def test_every_shareable_case_is_here():
    tags = [test["tags"] for file in FILES for test in json.loads(file.read_bytes())["tests"]]
    assert sum("shareable" in tag for tag in tags) == 123
