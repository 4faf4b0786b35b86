"""The fast path equals the plain reference, on resources as a hospital sends them and as it should not."""

import json

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.errors import MappingError
from interop.fhir import distinct
from interop.fhir.columns import compile_view, elements_of
from interop.fhir.distinct import as_text
from interop.fhir.json import parse
from interop.fhir.view import View, rows

LAB = {
    "name": "lab",
    "resource": "Observation",
    "where": [
        {"path": "category.coding.where(system = 'cat' and code = 'laboratory').exists()"},
        {"path": "status in ('final' | 'amended') and code.exists()"},
    ],
    "select": [
        {
            "column": [
                {"name": "id", "path": "getResourceKey()"},
                {"name": "status", "path": "status"},
                {"name": "subject", "path": "subject.getReferenceKey(Patient)"},
                {"name": "eff", "path": "effective.ofType(dateTime)"},
                {"name": "dtc", "path": "effective.ofType(dateTime).extension('dtc').value.ofType(string)"},
                {"name": "start", "path": "effective.ofType(Period).start"},
                {"name": "loinc", "path": "code.coding.where(system = 'loinc').code.first()"},
                {"name": "codes", "path": "code.coding.code", "collection": True},
                {"name": "num", "path": "value.ofType(Quantity).value"},
                {"name": "vstr", "path": "value.ofType(string)"},
                {"name": "whole", "path": "value.ofType(integer)"},
                {"name": "both", "path": "code.text & '/' & status"},
                {"name": "flag", "path": "dataAbsentReason.empty()"},
            ]
        }
    ],
}
COMPONENT = {
    "name": "component",
    "resource": "Observation",
    "select": [
        {"column": [{"name": "id", "path": "id"}]},
        {
            "forEach": "component",
            "column": [
                {"name": "n", "path": "%rowIndex"},
                {"name": "code", "path": "code.coding.code.first()"},
                {"name": "num", "path": "value.ofType(Quantity).value"},
                {"name": "status", "path": "%resource.status"},
            ],
        },
        {"forEachOrNull": "note", "column": [{"name": "note", "path": "text"}]},
    ],
}
START = "iif(effective is Period, effective.ofType(Period).start, effective.ofType(dateTime))"
DOSE = {
    "name": "dose",
    "resource": "MedicationAdministration",
    "where": [{"path": "status != 'entered-in-error'"}],
    "select": [
        {
            "column": [
                {"name": "id", "path": "getResourceKey()"},
                {"name": "drug", "path": "(medication as CodeableConcept).text"},
                {"name": "drug_ref", "path": "medication.ofType(Reference).getReferenceKey()"},
                {"name": "dose", "path": "dosage.dose.value"},
                {"name": "start", "path": START},
                {"name": "reasons", "path": "statusReason.coding.code", "collection": True},
            ]
        }
    ],
}  # fmt: skip
PLAIN = """\
{"resourceType":"Observation","id":"1","status":"final","category":[{"coding":[{"system":"cat","code":"laboratory"}]}],"code":{"coding":[{"system":"loinc","code":"718-7"},{"system":"l","code":"HB"}],"text":"Hb"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2020-05","_effectiveDateTime":{"extension":[{"url":"dtc","valueString":"2020-05"}]},"valueQuantity":{"value":1.50}}
{"resourceType":"Observation","id":"2","status":"amended","category":[{"coding":[{"system":"cat","code":"laboratory"}]}],"code":{"coding":[{"system":"loinc","code":"718-7"}]},"valueQuantity":{"value":1E2},"effectivePeriod":{"start":"2020"},"dataAbsentReason":{"text":"none"}}
{"resourceType":"Observation","id":"3","status":"final","category":[{"coding":[{"system":"cat","code":"vital-signs"}]}],"code":{"text":"x"}}
{"resourceType":"Observation","id":"4","status":"cancelled","category":[{"coding":[{"system":"cat","code":"laboratory"}]}],"code":{}}
{"resourceType":"Observation","id":"5","status":"final","category":[{"coding":[{"system":"cat","code":"laboratory"}]}],"code":{"text":"阳性 \\"(+)\\""},"valueString":"阳性\\u0028+)","subject":{"display":"d"}}
{"resourceType":"Observation","id":"6","status":"final","category":[{"coding":[{"system":"cat","code":"laboratory"}]}],"code":{"text":"n"},"valueInteger":-0,"component":[{"code":{"coding":[{"code":"a"}]},"valueQuantity":{"value":0.10}},{"valueQuantity":{"value":2}}],"note":[{"text":"p"},{"text":"q"}]}
{"resourceType":"Observation","id":"7","component":[{"code":{"coding":[{"code":"b"}]}}]}
{"resourceType":"Observation","id":5,"status":["final"],"category":{"coding":{"system":"cat","code":"laboratory"}},"code":"text","subject":"Patient/1","valueQuantity":[{"value":"1"}],"effectiveDateTime":{"a":1},"component":{"code":null},"note":"no"}
{"resourceType":"Observation","id":"","status":"","code":null,"category":null,"component":[],"valueString":""}
{"resourceType":"MedicationAdministration","id":"a","status":"completed","medicationCodeableConcept":{"text":"sirolimus"},"dosage":{"dose":{"value":2.0}},"effectivePeriod":{"start":"2020-05-11"}}
{"resourceType":"MedicationAdministration","id":"b","status":"not-done","medicationReference":{"reference":"#m"},"effectiveDateTime":"2020","statusReason":[{"coding":[{"code":"x"},{"code":"y"}]}]}
{"resourceType":"MedicationAdministration","id":"c","status":"entered-in-error"}
{"resourceType":"MedicationAdministration","id":"d"}"""  # noqa: E501  # one resource per line, as NDJSON has it
RESOURCES = PLAIN.splitlines()
RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])


def raw_elements(compiled, lines):
    raws = [RAW.decode(line.encode()) for line in lines]
    return {name: [bytes(raw.get(name, b"")) for raw in raws] for name in compiled.elements}


def fast(compiled, lines):
    mine = [line for line in lines if json.loads(line)["resourceType"] == compiled.view.resource]
    return compiled.columns(raw_elements(compiled, mine), resource_type=compiled.view.resource)


def reference(view, lines):
    found = rows(view, [parse(line.encode()) for line in lines])
    return [{column.name: as_text(column, row[column.name]) for column in view.columns} for row in found]


@pytest.mark.parametrize("definition", [LAB, COMPONENT, DOSE], ids=lambda definition: definition["name"])
@given(order=st.permutations(range(len(RESOURCES))))
def test_the_fast_path_is_the_reference(definition, order):
    view = View.load(definition)
    lines = [RESOURCES[at] for at in order]
    assert fast(compile_view(view), lines).drop("_row", "_index").to_dicts() == reference(view, lines)


def test_a_row_knows_its_resource_and_its_item():
    found = fast(compile_view(View.load(COMPONENT)), RESOURCES)
    shown = found.select("_row", "id", "n", "code", "num", "note", "_index").rows()
    assert shown == [
        (5, "6", "0", "a", "0.10", "p", 0),
        (5, "6", "0", "a", "0.10", "q", 1),
        (5, "6", "1", None, "2", "p", 0),
        (5, "6", "1", None, "2", "q", 1),
        (6, "7", "0", "b", None, None, 0),
        (7, "5", "0", None, None, None, 0),
    ]


def test_columns_are_text():
    found = fast(compile_view(View.load(LAB)), RESOURCES)
    assert found["id", "num", "flag", "codes", "vstr", "whole"].rows() == [
        ("Observation/1", "1.50", "true", ["718-7", "HB"], None, None),
        ("Observation/2", "1E2", "false", ["718-7"], None, None),
        ("Observation/5", None, "true", [], "阳性(+)", None),
        ("Observation/6", None, "true", [], None, "-0"),
        (None, "1", "true", [], None, None),  # a resource of wrong shapes gives what can be read
    ]
    assert set(found.dtypes) == {pl.String, pl.List(pl.String), pl.UInt32}


def test_it_names_the_elements_that_must_be_decoded():
    views = {name: compile_view(View.load(view)) for name, view in (("lab", LAB), ("component", COMPONENT))}
    assert views["component"].elements == ("component", "id", "note", "status")
    assert elements_of(views)["Observation"] == (
        "_effectiveDateTime", "category", "code", "component", "dataAbsentReason", "effectiveDateTime",
        "effectivePeriod", "id", "note", "status", "subject", "valueInteger", "valueQuantity", "valueString",
    )  # fmt: skip


def test_no_resources_give_no_rows_but_all_columns():
    view = View.load(LAB)
    found = fast(compile_view(view), [])
    assert (found.height, found.columns) == (0, [*(column.name for column in view.columns), "_row", "_index"])


def test_the_key_of_a_contained_resource_is_its_id():
    compiled = compile_view(View.load(LAB))
    line = RESOURCES[0].replace('"id":"1"', '"id":"Patient/1#o"')
    assert fast(compiled, [line])["id"].to_list() == ["Patient/1#o"]


def test_memory_is_bounded_and_the_result_is_not_touched_by_it(monkeypatch):
    monkeypatch.setattr(distinct, "CAP", 1)  # the real memo, full after one value
    compiled = compile_view(View.load(LAB))
    once, again = fast(compiled, RESOURCES), fast(compiled, RESOURCES)
    assert once.equals(again)
    assert once.drop("_row", "_index").to_dicts() == reference(compiled.view, RESOURCES)


def test_several_values_in_a_plain_column_are_a_mapping_error():
    definition = {
        "resource": "Observation",
        "select": [{"column": [{"name": "a", "path": "code.coding.code"}]}],
    }
    with pytest.raises(MappingError, match="got 2 values"):
        fast(compile_view(View.load(definition)), RESOURCES)
