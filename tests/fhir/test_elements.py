import pytest

from interop.fhir.elements import child, choice_name, elements, is_resource, names


@pytest.mark.parametrize(
    ("parent", "name", "path", "types", "many"),
    [
        ("Observation", "status", "Observation.status", ("code",), False),
        ("Observation", "category", "Observation.category", ("CodeableConcept",), True),
        (
            "Observation",
            "effective",
            "Observation.effective[x]",
            ("dateTime", "Period", "Timing", "instant"),
            False,
        ),
        ("Observation.component", "referenceRange", "Observation.component.referenceRange", None, True),
        ("Observation.component", "extension", "BackboneElement.extension", ("Extension",), True),
        ("Quantity", "value", "Quantity.value", ("decimal",), False),
        ("Extension", "url", "Extension.url", ("uri",), False),
        ("Patient", "id", "Patient.id", ("id",), False),
    ],
)
def test_an_element_is_found_below_a_type(parent, name, path, types, many):
    found = child(parent, name)
    assert (found.path, found.types if types else None, found.many) == (path, types, many)


def test_an_element_that_fhir_does_not_have_is_none():
    assert child("Observation", "lonic") is None
    assert child("Patient", "effective") is None


def test_a_content_reference_leads_to_the_element_it_names():
    element = child("Observation.component", "referenceRange")
    assert element.inside(element.types[0]) == "Observation.referenceRange"
    assert child("Observation.referenceRange", "low").types == ("Quantity",)


def test_a_choice_element_has_one_json_name_per_type():
    assert child("Observation", "value").name("CodeableConcept") == "valueCodeableConcept"
    assert choice_name("effective", "dateTime") == "effectiveDateTime"


def test_references_know_what_they_may_point_at():
    assert child("Observation", "specimen").targets == ("Specimen",)
    assert child("Observation", "subject").targets == ("Device", "Group", "Location", "Patient")


def test_resources_are_told_from_datatypes():
    assert [
        name
        for name in ("Observation", "Bundle", "Quantity", "Observation.component", "Pt")
        if is_resource(name)
    ] == [
        "Observation",
        "Bundle",
    ]


def test_the_table_has_every_resource_of_r4():
    roots = [path for path in elements() if "." not in path]
    assert len([name for name in roots if is_resource(name)]) == 148  # 146, DomainResource and Resource


def test_children_stand_in_the_order_of_the_standard():
    assert names("Period") == ("id", "extension", "start", "end")
