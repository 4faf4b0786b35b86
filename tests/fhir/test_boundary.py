"""lowBoundary and highBoundary: what a value of its precision may stand for (FHIRPath 2.0, 5.9)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.errors import MappingError
from interop.fhir.json import parse as parse_json
from interop.fhir.path import Scope, Shape, evaluate, parse, resolve
from interop.fhir.path.compile import compile_path
from interop.fhir.path.temporal import compare
from interop.fhir.path.values import text
from interop.fhir.view import View

OBSERVATION = parse_json(
    b"""{"resourceType": "Observation", "issued": "2020-05-11T08:12:30.5Z", "effectiveDateTime": "2020-02",
    "valueTime": "12:34:00", "referenceRange": [{"low": {"value": 2.50}}, {"low": {"value": -3}}]}"""
)


def of(expression):
    """The text that an expression gives on the observation, plainly and compiled."""
    node = resolve(parse(expression), Shape(("Observation",), many=False), resource="Observation").node
    plain = evaluate(node, [OBSERVATION], Scope(OBSERVATION))
    assert compile_path(node)([OBSERVATION], Scope(OBSERVATION)) == plain
    return text(plain[0]) if plain else None


@pytest.mark.parametrize(
    ("value", "places", "low", "high"),
    [
        ("1.587", "", "1.58650000", "1.58750000"),
        ("1.587", "6", "1.586500", "1.587500"),
        ("1.587", "2", "1.58", "1.59"),
        ("1.587", "0", "1", "2"),
        ("1.587", "-1", None, None),
        ("1.587", "39", None, None),
        ("(-1.587)", "", "-1.58750000", "-1.58650000"),
        ("(-1.587)", "2", "-1.59", "-1.58"),
        ("12.500", "4", "12.4995", "12.5005"),
        ("120", "2", "119.50", "120.50"),
        ("0.0", "2", "-0.05", "0.05"),
        ("@2014", "", "2014-01-01", "2014-12-31"),
        ("@2014", "6", "2014-01", "2014-12"),
        ("@2014", "17", None, None),
        ("@2016-02", "8", "2016-02-01", "2016-02-29"),
        ("@2014-01-01T08", "17", "2014-01-01T08:00:00.000+14:00", "2014-01-01T08:59:59.999-12:00"),
        ("@2014-01-01T08:05+08:00", "", "2014-01-01T08:05:00.000+08:00", "2014-01-01T08:05:59.999+08:00"),
        ("@2014-01-01T08:05+08:00", "12", "2014-01-01T08:05+08:00", "2014-01-01T08:05+08:00"),
        ("@2014-01-01T08:05+08:00", "8", "2014-01-01", "2014-01-01"),
        ("@T10:30", "9", "10:30:00.000", "10:30:59.999"),
        ("@T10:30", "2", "10", "10"),
        ("@T10:30", "5", None, None),
        ("issued", "", "2020-05-11T08:12:30.500Z", "2020-05-11T08:12:30.599Z"),
        ("effective.ofType(dateTime)", "", "2020-02-01T00:00:00.000+14:00", "2020-02-29T23:59:59.999-12:00"),
        ("value.ofType(time)", "", "12:34:00.000", "12:34:00.999"),
        ("referenceRange.low.value.first()", "", "2.49500000", "2.50500000"),
        ("'text'", "", None, None),
        ("'2020-13'", "", None, None),
        ("{}", "", None, None),
    ],
)
def test_the_boundaries_of_a_value(value, places, low, high):
    assert (of(f"{value}.lowBoundary({places})"), of(f"{value}.highBoundary({places})")) == (low, high)


def test_a_date_and_a_date_time_of_one_text_must_be_told_apart():
    view = {"resource": "Observation", "select": [{"column": [{"name": "v", "path": "value.lowBoundary()"}]}]}
    with pytest.raises(MappingError, match=r"lowBoundary\(\) needs one type, found .*; add \.ofType\("):
        View.load(view)


def test_a_boundary_is_of_one_value():
    with pytest.raises(MappingError, match=r"lowBoundary\(\) needs one value, the path gives 2"):
        of("referenceRange.low.value.lowBoundary()")


@given(st.decimals(-10_000, 10_000, allow_nan=False, places=3), st.integers(0, 9))
def test_a_number_is_within_its_boundaries(number, places):
    low, high = (
        evaluate(parse(f"referenceRange.low.value.{end}Boundary({places})"), [resource], Scope(resource))[0]
        for end in ("low", "high")
        for resource in [{"referenceRange": {"low": {"value": number}}}]
    )
    assert low <= number <= high
    assert high - low <= Decimal("0.001") + 2 * Decimal(1).scaleb(-places)  # rounded outwards


@given(st.dates().map(str), st.sampled_from([4, 7, 10]))
def test_a_date_is_within_its_boundaries(date, length):
    low, high = (
        text(evaluate(parse(f"@{date[:length]}.{end}Boundary()"), [], Scope(None))[0])
        for end in ("low", "high")
    )
    assert low <= date <= high
    assert compare(low[:length], high[:length]) == 0
