"""Expressions of the FHIRPath subset on resources of `shapes.ndjson`, by `fhirpathpy` and by ours."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import msgspec
from fhirpathpy import evaluate as evaluate_by_peer
from fhirpathpy.models import models
from suites.outcome import Outcome, tally
from suites.peer_views import SHAPES

from interop.fhir.json import parse as parse_json
from interop.fhir.path import Scope, Shape, evaluate, parse, resolve

PEER = "fhirpathpy"

#: Expressions by the resource that they are asked of.
EXPRESSIONS: Mapping[str, str] = {
    "Observation": """
        status
        Observation.status
        Patient.status
        code.coding.code
        code.coding[0].code
        code.coding[9].code
        code.coding.where(system = 'http://loinc.org').code
        code.coding.where(system = 'http://loinc.org' and code = '718-7').exists()
        code.coding.exists(code = 'XHB')
        code.coding.all(code.exists())
        code.coding.first().code
        code.coding.last().code
        code.coding.tail().code
        code.coding.skip(1).code
        code.coding.take(1).code
        code.coding.count()
        code.coding.select(code & '|' & system)
        code.coding.code.join(', ')
        code.coding.system.distinct().count()
        code.coding.code.empty()
        code.text.length()
        code.text.upper()
        code.text.lower()
        code.text.startsWith('H')
        code.text.endsWith('H')
        code.text.contains('b')
        value
        value.exists()
        value.ofType(Quantity).value
        value.ofType(Quantity).value > 1
        value.ofType(Quantity).value * 2
        value.ofType(Quantity).unit
        value.ofType(string)
        value.ofType(integer)
        value.ofType(integer) + 1
        value.ofType(integer) div 2
        value.ofType(integer) mod 2
        value.ofType(boolean)
        value.ofType(boolean).not()
        value.ofType(CodeableConcept).coding.display
        value.ofType(Ratio).denominator.value
        value.ofType(Range).high.value
        value.is(Quantity)
        value is string
        effective.ofType(dateTime)
        effective.ofType(dateTime) < @2020-06-01
        effective.ofType(dateTime) = @2020-05-11
        effective.ofType(dateTime) >= @2020
        effective.ofType(Period).start
        effective.ofType(Timing).event
        component.code.coding.code
        component.where(code.coding.code = 'c').exists()
        component.referenceRange.low.value
        component.dataAbsentReason.exists()
        referenceRange.where(type.coding.code = 'therapeutic').low.value
        interpretation.coding.code
        hasMember.reference
        extension.where(url.endsWith('grpid')).value.ofType(string)
        subject.reference = 'Patient/s1'
        iif(value.exists(), 'value', 'none')
        status in ('final' | 'amended')
        ('final' | 'amended') contains status
        status = 'final' and value.exists()
        value.ofType(string) = 'high' or value.ofType(boolean)
        value.ofType(boolean) xor value.ofType(string).exists()
        value.ofType(boolean) implies false
        status ~ 'final'
        status != 'final'
        {} and false
        {} or true
        {} = 1
        1 + 2 * 3
        7 div 2
        1.5 + 1.5
        5 / 2
        'a' + 'b'
        'a' & {}
        (1 | 2 | 2).count()
        -1 + 2
        @2020-05 = @2020-05-01
        @2020-05-11T08:12:00+08:00 = @2020-05-11T00:12:00Z
    """,
    "Patient": """
        Patient.gender
        birthDate
        birthDate < @1980
        birthDate.extension.value.ofType(string)
        deceased.ofType(boolean)
        deceased.ofType(dateTime)
        deceased.exists()
        managingOrganization.identifier.value
        extension.where(url.contains('race')).extension.where(url = 'ombCategory').value.ofType(Coding).code
    """,
}


class Case(msgspec.Struct, frozen=True):
    """An expression and a resource, as bytes."""

    expression: str
    resource: bytes


def cases() -> Iterator[tuple[str, Case]]:
    for raw in SHAPES.read_bytes().splitlines():
        resource = json.loads(raw)
        for line in EXPRESSIONS.get(resource["resourceType"], "").strip().splitlines():
            yield f"`{line.strip()}` on {resource['resourceType']}/{resource['id']}", Case(line.strip(), raw)


def check(case: Case) -> None:
    """Both engines give equal items, numbers as numbers."""
    resource = parse_json(case.resource)
    type_ = resource["resourceType"]
    node = resolve(parse(case.expression), Shape((type_,), many=False), resource=type_).node
    ours = [_item(item) for item in evaluate(node, [resource], Scope(resource))]
    theirs = evaluate_by_peer(json.loads(case.resource), case.expression, {}, models["r4"])
    assert ours == [_item(item) for item in theirs]


def _item(item: Any) -> Any:
    if isinstance(item, dict):
        return {name: _item(value) for name, value in item.items()}
    if isinstance(item, list):
        return [_item(value) for value in item]
    return float(item) if isinstance(item, int | Decimal) and not isinstance(item, bool) else item


def outcome() -> Outcome:
    """How many expressions on how many resources give the same."""
    return tally(version(PEER), cases(), check)
