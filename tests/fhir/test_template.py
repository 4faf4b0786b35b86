import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.errors import MappingError
from interop.fhir.json import parse as parse_json
from interop.fhir.path import Scope, Shape, evaluate, parse, resolve
from interop.fhir.path.values import text
from interop.fhir.template import below, build, encode, target, way

LOINC = "code.coding.where(system = 'http://loinc.org').code.first()"
CODES = st.from_regex(r"[A-Za-z0-9\-]{1,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
DECIMALS = st.from_regex(r"-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,9})?(E[+-]?[0-9]{1,2})?", fullmatch=True)
DATES = st.dates().map(str)
INVERTIBLE = {
    "getResourceKey()": CODES.map("Observation/{}".format),
    "status": CODES,
    "code.text": TEXTS,
    LOINC: CODES,
    "code.coding.where(system = 'local' and userSelected = true).display.first()": TEXTS,
    "category.coding.where(system = 'cat').code": CODES,
    "identifier.where(type.coding.code = 'SP' and use = 'usual').value": TEXTS,
    "note[0].text": TEXTS,
    "subject.getReferenceKey(Patient)": CODES.map("Patient/{}".format)
    | st.builds("Patient?identifier={}|{}".format, CODES, CODES),
    "effective.ofType(dateTime)": DATES,
    "effective.ofType(dateTime).extension('https://x.example/dtc').value.ofType(string)": TEXTS,
    "extension('https://x.example/a').extension('b').value.ofType(code)": CODES,
    "value.ofType(Quantity).value": DECIMALS,
    "value.ofType(Quantity).unit": TEXTS,
    "interpretation.coding.where(system = 'v3').code.first()": CODES,
    "referenceRange.low.value": DECIMALS,
    "referenceRange.first().high.value": DECIMALS,
    "dataAbsentReason.coding.code.first()": CODES,
    "specimen.identifier.value": CODES,
    "Observation.method.coding.userSelected": st.sampled_from(["true", "false"]),
}


def resolved(path, type_path="Observation"):
    return resolve(parse(path), Shape((type_path,), many=False), resource="Observation").node


def targets(rows, type_path="Observation"):
    return [(target(resolved(path, type_path), type_path=type_path), value) for path, value in rows]


def read(path, resource):
    return [text(item) for item in evaluate(resolved(path), [resource], Scope(resource))]


@given(st.fixed_dictionaries({}, optional=INVERTIBLE))
def test_what_is_written_is_read_back(values):
    sent = parse_json(
        encode(
            build(
                "Observation", {"status": "final"} if "status" not in values else {}, targets(values.items())
            )
        )
    )
    assert {path: read(path, sent) for path in values} == {path: [value] for path, value in values.items()}


def test_a_row_becomes_a_resource():
    rows = [
        ("getResourceKey()", "Observation/hb-1"),
        (LOINC, "718-7"),
        ("code.coding.where(system = 'urn:lis').code.first()", "XCG001"),
        ("code.text", "Hemoglobin"),
        ("subject.getReferenceKey(Patient)", "Patient/1"),
        ("value.ofType(Quantity).value", "98.0"),
        ("value.ofType(Quantity).code", "g/L"),
        ("value.ofType(Quantity).comparator", None),
        ("value.ofType(string)", ""),
        ("interpretation.coding.where(system = 'v3').code.first()", "LL"),
        ("referenceRange.low.value", "1.30E2"),
    ]
    fixed = {"status": "final", "category": [{"coding": [{"code": "laboratory"}]}]}
    assert encode(build("Observation", fixed, targets(rows))).decode() == (
        '{"resourceType":"Observation","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"id":"hb-1",'
        '"code":{"coding":[{"system":"http://loinc.org","code":"718-7"},{"system":"urn:lis","code":"XCG001"}],'
        '"text":"Hemoglobin"},"subject":{"reference":"Patient/1"},"valueQuantity":{"value":98.0,"code":"g/L"},'
        '"interpretation":[{"coding":[{"system":"v3","code":"LL"}]}],"referenceRange":[{"low":{"value":1.30E2}}]}'
    )


def test_fixed_elements_are_not_changed_by_building():
    fixed = {"code": {"coding": [{"system": "http://loinc.org", "version": "2.77"}]}}
    built = build("Observation", fixed, targets([(LOINC, "718-7")]))
    assert built["code"]["coding"] == [{"system": "http://loinc.org", "version": "2.77", "code": "718-7"}]
    assert fixed == {"code": {"coding": [{"system": "http://loinc.org", "version": "2.77"}]}}


def test_a_column_of_a_for_each_is_written_inside_it():
    component = way(resolved("component"), type_path="Observation")
    value = target(
        resolved("value.ofType(Quantity).value", "Observation.component"), type_path="Observation.component"
    )
    built = build("Observation", {}, [(below(component, value), "5.10")])
    assert encode(built) == b'{"resourceType":"Observation","component":[{"valueQuantity":{"value":5.10}}]}'


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("code.exists()", "exists() has no inverse; the way back needs a put: path"),
        ("code.coding.code.join(',')", "join() has no inverse"),
        ("code.coding[1].code", "an index other than [0] has no inverse"),
        ("code.text & 'x'", 'the operator "&" has no inverse'),
        ("(issued | status)", 'the operator "|" has no inverse'),
        ("'x'", "a literal has no inverse"),
        ("value", "`value` may have 11 types; name one: value.ofType(Quantity)"),
        ("code", "the path ends at CodeableConcept, which is no primitive"),
        ("$this", "the path ends at Observation, which is no primitive"),
        ("statu", 'Observation has no element "statu" in FHIR R4; did you mean "status"?'),
        ("value.ofType(Money).value", "`value` cannot be a Money in FHIR R4"),
        ("status.foo", "`status` is a code; nothing can be written below it"),
        ("code.coding.where(code != 'x').code", 'only for element = literal, not for the operator "!="'),
        ("code.coding.where(code.exists()).code", "only for element = literal, not for exists()"),
        ("where(status = 'final').id", "where() on the resource itself has no inverse"),
        ("code.getReferenceKey()", "getReferenceKey() stands on something that is no Reference"),
        ("contained.ofType(Patient).id", "ofType(Patient) has no inverse"),
    ],
)
def test_a_path_that_cannot_be_turned_round_says_why(path, complaint):
    with pytest.raises(MappingError) as raised:
        target(resolved(path), type_path="Observation")
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("path", "value", "fits"),
    [
        ("value.ofType(Quantity).value", "1.50", True),
        ("value.ofType(Quantity).value", "<5", False),
        ("value.ofType(Quantity).value", "05", False),
        ("value.ofType(Quantity).value", "1.", False),
        ("value.ofType(integer)", "-3", True),
        ("value.ofType(integer)", "3.0", False),
        ("value.ofType(boolean)", "true", True),
        ("value.ofType(boolean)", "Y", False),
        ("value.ofType(string)", "<5", True),
    ],
)
def test_a_text_that_is_no_value_of_the_type_is_refused(path, value, fits):
    where = target(resolved(path), type_path="Observation")
    assert where.fits(value) is fits
    if not fits:
        with pytest.raises(MappingError, match="a text that is no"):
            build("Observation", {}, [(where, value)])


def test_two_values_at_one_place_are_a_mapping_error():
    with pytest.raises(MappingError, match=r"two different values are written at code\.text"):
        build("Observation", {}, targets([("code.text", "a"), ("code.text", "b")]))
