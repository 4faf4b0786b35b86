"""Each FHIR rule on a resource that breaks it, and on one beside it that does not."""

import json

import pytest

from interop.checks.source import rule_rows
from interop.checks.walk import Walk
from interop.rules import RULES

WHOLE = '"resourceType":"Observation","status":"final","code":{"text":"x"}'
LONG = "x" * (1 << 20)
XHTML = '"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">%s</div>"}'

# rule | members of an Observation (or a whole resource) that break it -> where | that do not
CASES = [
    ("FHIR-JSON-001", '"status":"amended"', "Observation.status", '"issued":"2020-01-01T00:00:00Z"'),
    ("FHIR-JSON-001", '"method":{"text":"a","text":"b"}', "Observation.method.text", '"method":{"text":"a"}'),
    ("FHIR-JSON-002", '"valueQuantity":{"value":true}', "Observation.value.value",
     '"valueQuantity":{"value":1}'),
    ("FHIR-JSON-002", '"valueQuantity":{"value":"1.5"}', "Observation.value.value",
     '"valueQuantity":{"value":1.5}'),
    ("FHIR-JSON-002", '"valueBoolean":"true"', "Observation.value", '"valueBoolean":true'),
    ("FHIR-JSON-002", '"subject":"Patient/1"', "Observation.subject", '"subject":{"reference":"Patient/1"}'),
    ("FHIR-JSON-002", '"issued":{}', "Observation.issued", '"_issued":{"id":"a"}'),
    ("FHIR-JSON-003", '"valueString":""', "Observation.value", '"valueString":"-"'),
    ("FHIR-JSON-003", '"category":[]', "Observation.category", '"category":[{"text":"a"}]'),
    ("FHIR-JSON-003", '"method":{}', "Observation.method", '"method":{"id":"a"}'),
    ("FHIR-JSON-004", '"valueString":null', "Observation.value", '"valueString":"null"'),
    ("FHIR-JSON-004", '"category":[null]', "Observation.category[0]", '"category":[{"text":"a"}]'),
    (
        "FHIR-JSON-005",
        '{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[{"id":"x"}]}]}',
        "Patient.name[0].given",
        '{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]}',
    ),
    (
        "FHIR-JSON-005",
        '{"resourceType":"Questionnaire","status":"draft","subjectType":["Patient",null]}',
        "Questionnaire.subjectType",
        '{"resourceType":"Questionnaire","status":"draft","subjectType":["Patient"]}',
    ),
    ("FHIR-ELEMENT-001", '"loinc":"718-7"', "Observation", '"valueInteger":1'),
    ("FHIR-ELEMENT-001", '"valueQuantity":{"Wang Li":1}', "Observation.value",
     '"valueQuantity":{"unit":"g"}'),
    ("FHIR-ELEMENT-001", '"_code":{"id":"a"}', "Observation", '"_status":{"id":"a"}'),
    ("FHIR-ELEMENT-002", '"method":[{"text":"a"}]', "Observation.method", '"method":{"text":"a"}'),
    ("FHIR-ELEMENT-003", '"category":{"text":"a"}', "Observation.category", '"category":[{"text":"a"}]'),
    ("FHIR-ELEMENT-004", '"component":[{}, {"id":"a"}]', "Observation.component[1].code",
     '"component":[{"code":{"text":"a"}}]'),
    ("FHIR-ELEMENT-004", '{"resourceType":"Observation","code":{"text":"a"}}', "Observation.status",
     '{"resourceType":"Observation","code":{"text":"a"},"_status":{"id":"a"}}'),
    ("FHIR-ELEMENT-005", '"valueString":"a","valueInteger":1', "Observation",
     '"valueString":"a","_valueString":{"id":"b"}'),
    ("FHIR-RESOURCE-001", '{"resourceType":"Labor","id":"a"}', "Labor",
     '{"resourceType":"Basic","code":{"text":"a"}}'),
    ("FHIR-RESOURCE-001", '"contained":[{"resourceType":"Labor"}]', "Observation.contained[0]",
     '"contained":[{"resourceType":"Device"}]'),
    ("FHIR-RESOURCE-001", '"contained":[{"id":"a"}]', "Observation.contained[0]",
     '"contained":[{"resourceType":"Device","id":"a"}]'),
    ("FHIR-RESOURCE-002", '"contained":[{"resourceType":"Device","contained":[{"resourceType":"Device"}]}]',
     "Observation.contained[0].contained[0]",
     '"contained":[{"resourceType":"Device"},{"resourceType":"Device"}]'),
    ("FHIR-EXTENSION-001", '"extension":[{"url":"a"}]', "Observation.extension[0]",
     '"extension":[{"url":"a","valueCode":"b"}]'),
    ("FHIR-EXTENSION-001",
     '"_issued":{"extension":[{"url":"a","valueCode":"b","extension":[{"url":"c","valueCode":"d"}]}]}',
     "Observation.issued.extension[0]",
     '"_issued":{"extension":[{"url":"a","extension":[{"url":"c","valueCode":"d"}]}]}'),
    ("FHIR-VALUE-001", '"effectiveDateTime":"2020-02-30"', "Observation.effective",
     '"effectiveDateTime":"2020-02-29"'),
    ("FHIR-VALUE-001", '"effectiveDateTime":"2020-05-01T10:00:00"', "Observation.effective",
     '"effectiveDateTime":"2020-05-01T10:00:60+08:00"'),
    ("FHIR-VALUE-001", '"effectiveDateTime":"20200501"', "Observation.effective",
     '"effectiveDateTime":"2020-05"'),
    ("FHIR-VALUE-001", '"issued":"2020-05-01"', "Observation.issued", '"issued":"2020-05-01T10:00:00.000Z"'),
    ("FHIR-VALUE-001", '"valueTime":"24:00:00"', "Observation.value", '"valueTime":"00:00:00"'),
    ("FHIR-VALUE-001", '"valueTime":"١٢:00:00"', "Observation.value", '"valueTime":"12:00:00"'),
    ("FHIR-VALUE-002", '"id":"../../etc/passwd"', "Observation.id", '"id":"a-1.B"'),
    ("FHIR-VALUE-002", f'"id":"{"x" * 10_000}"', "Observation.id", f'"id":"{"x" * 64}"'),
    ("FHIR-VALUE-002", '"id":"a\\u0000"', "Observation.id", '"method":{"id":"any text"}'),
    ("FHIR-VALUE-003", '"implicitRules":"http://a b"', "Observation.implicitRules",
     '"implicitRules":"http://a/b"'),
    ("FHIR-VALUE-003", '"extension":[{"url":"a","valueUuid":"urn:uuid:X"}]', "Observation.extension[0].value",
     '"extension":[{"url":"a","valueUuid":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}]'),
    ("FHIR-VALUE-004", '"language":" en"', "Observation.language", '"language":"en"'),
    ("FHIR-VALUE-004", '"language":"e  n"', "Observation.language", '"language":"e n"'),
    ("FHIR-VALUE-005", '"valueInteger":1.0', "Observation.value", '"valueInteger":-2147483648'),
    ("FHIR-VALUE-005", '"valueInteger":2147483648', "Observation.value", '"valueInteger":2147483647'),
    ("FHIR-VALUE-005", f'"valueInteger":{"9" * 400}', "Observation.value", '"valueInteger":0'),
    ("FHIR-VALUE-006", '"valueQuantity":{"value":1e999999}', "Observation.value.value",
     '"valueQuantity":{"value":1e99}'),
    ("FHIR-VALUE-006", f'"valueQuantity":{{"value":{"1" * 400}}}', "Observation.value.value",
     '"valueQuantity":{"value":-0.000123456789012345678}'),
    ("FHIR-VALUE-007", '"extension":[{"url":"a","valueBase64Binary":"YQ"}]', "Observation.extension[0].value",
     '"extension":[{"url":"a","valueBase64Binary":"YQ=="}]'),
    ("FHIR-VALUE-008", '"valueString":"a\\u0000b"', "Observation.value", '"valueString":"a\\t\\r\\nb"'),
    ("FHIR-VALUE-009", f'"valueString":"{LONG}x"', "Observation.value", f'"valueString":"{LONG}"'),
    ("FHIR-NARRATIVE-001", XHTML % "<script>alert(1)</script>", "Observation.text.div",
     XHTML % "<b>script</b>"),
    ("FHIR-NARRATIVE-001", XHTML % "<b onclick='x()'>a</b>", "Observation.text.div",
     XHTML % "<b>on click = x</b>"),
    ("FHIR-NARRATIVE-001", XHTML % "<a href='javascript:x()'>a</a>", "Observation.text.div",
     XHTML % "<a href='https://example.org'>javascript: a language</a>"),
]  # fmt: skip


def found(members: str) -> list[tuple[str, str]]:
    """Rules and paths of what is found in an Observation with these members, or in a whole resource."""
    whole = members if members.startswith("{") else f"{{{WHOLE},{members}}}"
    kind = json.loads(whole)["resourceType"]
    return sorted({(one.rule, one.path) for one in Walk().resource(whole.encode(), kind)})


@pytest.mark.parametrize(
    ("rule", "bad", "where", "good"), CASES, ids=[f"{rule}-{bad[:40]}" for rule, bad, *_ in CASES]
)
def test_a_rule_finds_what_breaks_it_and_nothing_else(rule, bad, where, good):
    assert (rule, where) in found(bad)
    assert found(good) == []


def test_every_rule_has_a_row_and_a_case():
    assert sorted(rule_rows()) == sorted(RULES) == sorted({rule for rule, *_ in CASES})


def test_what_is_found_does_not_depend_on_blanks_or_escapes():
    compact = f'{{{WHOLE},"status":"amended","method":{{"text":"a","text":"b"}}}}'
    spread = compact.replace(":", " : ").replace(",", " ,\n")
    escaped = compact.replace('"status":"amended"', '"\\u0073tatus":"amended"')
    assert found(compact) == found(spread) == found(escaped)
    assert found(compact) == [
        ("FHIR-JSON-001", "Observation.method.text"),
        ("FHIR-JSON-001", "Observation.status"),
    ]


def test_details_name_no_key_that_is_no_name():
    walk = Walk()
    bad = f'{{{WHOLE},"Wang Li 1950-01-01":1,"x":2}}'.encode()
    assert [one.detail for one in walk.resource(bad, "Observation")] == ["?", "x"]
