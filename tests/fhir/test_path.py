from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.errors import MappingError
from interop.fhir.json import parse as parse_json
from interop.fhir.path import Scope, Shape, evaluate, parse, resolve
from interop.fhir.path.compile import compile_path, reads
from interop.fhir.path.temporal import compare
from interop.fhir.path.values import text

OBSERVATION = parse_json(
    b"""{"resourceType": "Observation", "id": "o1", "status": "final",
    "category": [{"coding": [{"system": "cat", "code": "laboratory"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}, {"system": "local", "code": "HB"}],
             "text": "Hb"},
    "subject": {"reference": "Patient/p1/_history/3"}, "effectiveDateTime": "2020-05-11T08:12:00+08:00",
    "_effectiveDateTime": {"extension": [{"url": "dtc", "valueString": "2020-05-11T08:12"}]},
    "valueQuantity": {"value": 1.50, "code": "g/L"},
    "referenceRange": [{"low": {"value": 1E2}}, {"low": {"value": 3}}],
    "extension": [{"url": "u", "valueCode": "c"}]}"""
)
PATIENT = {"resourceType": "Patient", "id": "p1", "active": True, "birthDate": "1970-05"}


def both_ways(expression, resource):
    """Texts that an expression gives; the plain and the compiled evaluation must be one."""
    shape = Shape((resource["resourceType"],), many=False)
    node = resolve(parse(expression), shape, resource=resource["resourceType"]).node
    plain = evaluate(node, [resource], Scope(resource))
    assert compile_path(node)([resource], Scope(resource)) == plain
    return [text(item) for item in plain]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("status", ["final"]),
        ("Observation.status", ["final"]),
        ("Patient.status", []),
        ("value.ofType(Quantity).value", ["1.50"]),
        ("value.value", ["1.50"]),
        ("(value as Quantity).code", ["g/L"]),
        ("value.is(Quantity)", ["true"]),
        ("value is string", ["false"]),
        ("effective.ofType(dateTime)", ["2020-05-11T08:12:00+08:00"]),
        ("effective.ofType(dateTime).extension('dtc').value.ofType(string)", ["2020-05-11T08:12"]),
        ("extension('u').value.ofType(code)", ["c"]),
        ("code.coding.code", ["718-7", "HB"]),
        ("code.coding[1].code", ["HB"]),
        ("code.coding[2].code", []),
        ("code.coding.where(system = 'http://loinc.org').code.first()", ["718-7"]),
        ("code.coding.where(system = 'local' and code = 'HB').exists()", ["true"]),
        ("code.coding.exists(code = 'XX')", ["false"]),
        ("code.coding.all(code.exists())", ["true"]),
        ("code.coding.select(system & '|' & code).join(', ')", ["http://loinc.org|718-7, local|HB"]),
        ("code.coding.code.last()", ["HB"]),
        ("code.coding.code.skip(1).take(1)", ["HB"]),
        ("code.coding.count()", ["2"]),
        ("referenceRange.low.value", ["1E2", "3"]),
        ("referenceRange.low.value.first() > 99.5", ["true"]),
        ("status in ('final' | 'amended')", ["true"]),
        ("('final' | 'final').count()", ["1"]),
        ("code.text.startsWith('H') and code.text.contains('b')", ["true"]),
        ("iif(status = 'final', code.text, 'none')", ["Hb"]),
        ("getResourceKey()", ["Observation/o1"]),
        ("subject.getReferenceKey()", ["Patient/p1"]),
        ("subject.getReferenceKey(Patient)", ["Patient/p1"]),
        ("subject.getReferenceKey(Group)", []),
        ("%resource.id", ["o1"]),
        ("%rowIndex", ["0"]),
        ("where(status = 'final').code.text", ["Hb"]),
        ("issued.empty()", ["true"]),
        ("issued = 'x'", []),
        ("(issued = 'x').not()", []),
        ("issued.exists() or status = 'final'", ["true"]),
        ("issued = 'x' and status = 'none'", ["false"]),
        ("issued = 'x' implies true", ["true"]),
        ("status != 'final' xor true", ["true"]),
        ("1 + 2 * 3 - 4 div 2", ["5"]),
        ("7 mod 4 / 2", ["1.5"]),
        ("-(1) + 1", ["0"]),
        ("1 / 0", []),
        ("'a' + 'b'", ["ab"]),
        ("{}", []),
        (r"'it\'s 血\u7ea2'", ["it's 血红"]),
        ("`status` // a comment", ["final"]),
    ],
)
def test_an_expression_gives(expression, expected):
    assert both_ways(expression, OBSERVATION) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("birthDate < @1971", ["true"]),
        ("birthDate < @1970", []),
        ("birthDate = @1970-05", ["true"]),
        ("birthDate = @1970-05-01", []),
        ("birthDate != @1970-06", ["true"]),
        ("active", ["true"]),
        ("active = true and id = 'p1'", ["true"]),
    ],
)
def test_a_partial_date_decides_only_what_it_can(expression, expected):
    assert both_ways(expression, PATIENT) == expected


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("2020-05-11T08:00:00+08:00", "2020-05-11T00:00:00Z", 0),
        ("2020-05-11T08:00:00+08:00", "2020-05-11T00:00:01Z", -1),
        ("2020-05-11", "2020-05-11T08:00:00Z", None),
        ("2020-05", "2020-06-01", -1),
        ("08:30", "08:29:59", 1),
        ("2020-13-41T25:61:00Z", "2020-01-01T00:00:00Z", None),
        ("no date", "2020", None),
        ("2020-05T08:00:00+08:00", "2020-05-11T00:00:00Z", None),
        ("2020T08:00", "2021", None),
        ("T08:00:00Z", "T09:00:00Z", None),
    ],
)
def test_instants_are_compared_not_their_texts(left, right, order):
    assert compare(left, right) == order


@pytest.mark.parametrize(
    ("reference", "type_", "key"),
    [
        ({"reference": "Patient/1"}, None, "Patient/1"),
        ({"reference": "Patient/1/_history/2"}, "Patient", "Patient/1"),
        (
            {"reference": "https://h.example/fhir/Patient/1/_history/2"},
            "Patient",
            "https://h.example/fhir/Patient/1",
        ),
        ({"reference": "https://h.example/fhir/Patient/1"}, "Group", None),
        ({"reference": "urn:uuid:53fefa32"}, "Patient", "urn:uuid:53fefa32"),
        ({"reference": "urn:uuid:53fefa32", "type": "Group"}, "Patient", None),
        ({"reference": "#c1"}, "Patient", "#c1"),
        ({"identifier": {"system": "mrn", "value": "7"}}, "Patient", "Patient?identifier=mrn|7"),
        ({"identifier": {"value": "7"}, "type": "Group"}, None, "Group?identifier=|7"),
        ({"identifier": {"system": "mrn", "value": "7"}}, None, "?identifier=mrn|7"),
        ({"identifier": {"system": "mrn", "value": "7"}, "type": "Group"}, "Patient", None),
        ({"display": "a name"}, "Patient", None),
    ],
)
def test_a_reference_becomes_a_key(reference, type_, key):
    resource = {"resourceType": "Observation", "subject": reference}
    found = both_ways(f"subject.getReferenceKey({type_ or ''})", resource)
    assert found == ([key] if key else [])


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("a..b", 'column 3: expected an element or a function, found "."'),
        (
            "name.whre(use = 'x')",
            'column 6: whre() is not among the functions that views can use; did you mean "where"?',
        ),
        ("(a", 'column 3: expected ")", found the end'),
        ("a b", 'column 3: expected an operator or the end, found "b"'),
        ("@@", "column 1: expected a name, a literal or an operator, found '@'"),
        ("a and", "column 6: expected an element, a literal or a function, found the end"),
        ("ofType(1)", 'column 8: expected a type, found "1"'),
        ("a.first(1)", "column 3: first() takes 0 to 0 arguments, found 1"),
        ("a[0", 'column 4: expected "]", found the end'),
        ("'open", "column 1: expected a name"),
    ],
)
def test_a_syntax_error_says_where_and_what_was_expected(expression, complaint):
    with pytest.raises(MappingError) as raised:
        parse(expression, file="vs.yaml", line=14)
    assert str(raised.value).startswith(f"vs.yaml:14  path `{expression}`, ")
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 5000,
        "a" + ".a" * 4000,
        "-" * 9000,
        "1" + "+1" * 4000,
        "a.where(" * 1000,
        "a[" * 4000,
        "a" * 10_001,
    ],
)
def test_a_hostile_expression_is_refused_without_a_deep_stack(expression):
    with pytest.raises(MappingError):
        parse(expression)


@pytest.mark.parametrize(
    "expression", ["code.coding.code = 'a' and code.coding.code < 'b'", "1 + code.coding.code"]
)
def test_several_values_where_one_is_needed_are_a_mapping_error(expression):
    with pytest.raises(MappingError, match="needs one value, the path gives 2"):
        both_ways(expression, OBSERVATION)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("status", "status"),
        ("effective.ofType(dateTime)", "effectiveDateTime"),
        ("effective.ofType(dateTime).extension('u').exists()", "_effectiveDateTime effectiveDateTime"),
        ("component.value.exists() or medication.exists()", "component medication"),
        ("effective.exists()", "effectiveDateTime effectiveInstant effectivePeriod effectiveTiming"),
        ("getResourceKey()", "id"),
        ("extension('u').value.ofType(code)", "extension"),
        ("code.coding.where(system = %resource.status).code", "code status"),
        ("where(status = 'final').code.text", "code status"),
        ("Observation.code.text", "code"),
        ("iif(status = 'final', code.text, issued)", "code issued status"),
        ("'x' & %rowIndex", ""),
    ],
)  # fmt: skip
def test_an_expression_reads_these_elements(expression, names):
    node = resolve(parse(expression), Shape(("Observation",), many=False), resource="Observation").node
    assert " ".join(sorted(reads(node).names)) == names


def test_the_whole_resource_is_no_value():
    with pytest.raises(MappingError, match="whole resource"):
        reads(parse("$this = $this"))


def test_elements_that_fhir_does_not_have_are_told():
    shape = Shape(("Observation",), many=False)
    paths = ["code.lonic", "value.ofType(Money).value", "component.value.ofType(Quantity).value"]
    unknown = [resolve(parse(path), shape, resource="Observation").unknown for path in paths]
    assert unknown == [("CodeableConcept.lonic",), ("Observation.value.ofType(Money)",), ()]


@given(st.decimals(-10_000, 10_000, places=3), st.integers(min_value=-999, max_value=999))
def test_arithmetic_is_exact(number, whole):
    resource = {
        "resourceType": "Observation",
        "valueQuantity": {"value": Decimal(number)},
        "valueInteger": whole,
    }
    node = parse("valueQuantity.value + valueInteger")
    assert evaluate(node, [resource], Scope(resource)) == [number + whole]


@given(st.text(max_size=40))
def test_any_text_parses_or_is_a_mapping_error(expression):
    with suppress(MappingError):
        parse(expression)
