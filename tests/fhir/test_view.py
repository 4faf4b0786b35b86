import pytest

from interop.errors import MappingError
from interop.fhir.json import Number
from interop.fhir.view import View, rows

PATIENTS = [
    {"resourceType": "Patient", "id": "1", "name": [{"family": "A", "given": ["x", "y"]}, {"family": "B"}]},
    {"resourceType": "Patient", "id": "2", "deceasedBoolean": False},
    {"resourceType": "Observation", "id": "3", "status": "final"},
]


def view(*select, resource="Patient", **more):
    return {"name": "v", "resource": resource, "select": list(select), **more}


def column(name, path, **more):
    return {"column": [{"name": name, "path": path, **more}]}


def table(definition, resources=PATIENTS, **arguments):
    return [tuple(row.values()) for row in rows(View.load(definition, **arguments), resources)]


def test_a_row_per_resource_of_the_views_type():
    assert table(view(column("id", "id"))) == [("1",), ("2",)]


def test_a_row_per_item_of_for_each():
    names = {"forEach": "name", **column("family", "family")}
    assert table(view(column("id", "id"), names)) == [("1", "A"), ("1", "B")]
    assert table(view(column("id", "id"), {"forEachOrNull": "name", **column("family", "family")})) == [
        ("1", "A"),
        ("1", "B"),
        ("2", None),
    ]


def test_a_number_keeps_its_text():
    observation = {"resourceType": "Observation", "valueQuantity": {"value": Number("1.50")}}
    found = table(
        view(column("value", "value.ofType(Quantity).value"), resource="Observation"), [observation]
    )
    assert found[0][0].text == "1.50"


@pytest.mark.parametrize(
    ("constant", "given", "path", "expected"),
    [
        ({"valueString": "1"}, {}, "id = %c", [(True,), (False,)]),
        ({"valueString": "1"}, {"c": "2"}, "id = %c", [(False,), (True,)]),
        ({"valueString": "1"}, {"other": "2"}, "id = %c", [(True,), (False,)]),
        ({"valueInteger": "1"}, {}, "name.count() > %c", [(True,), (False,)]),
        ({"valueInteger": 1}, {"c": "2"}, "name.count() > %c", [(False,), (False,)]),
        ({"valueDecimal": "1.5"}, {}, "name.count() > %c", [(True,), (False,)]),
        ({"valueDecimal": 1.5}, {}, "name.count() > %c", [(True,), (False,)]),
        ({"valueBoolean": "false"}, {}, "deceased.ofType(boolean) = %c", [(None,), (True,)]),
    ],
)
def test_a_constant_can_be_replaced_from_outside(constant, given, path, expected):
    definition = view(column("found", path), constant=[{"name": "c", **constant}])
    assert table(definition, constants=given) == expected


def test_columns_say_what_they_hold():
    number = column("n", "value.ofType(Quantity).value", type="decimal")
    codes = column("c", "code.coding.code", collection=True)
    loaded = View.load(view(number, codes, resource="Observation"))
    shown = [(c.name, c.type, c.collection, c.shape.types, c.shape.many) for c in loaded.columns]
    assert shown == [("n", "decimal", False, ("decimal",), False), ("c", None, True, ("code",), True)]


def test_paths_that_fhir_does_not_have_are_told_not_refused():
    loaded = View.load(view(column("a", "name.famly"), {"forEach": "contact", **column("b", "nme.family")}))
    assert loaded.unknown == ("HumanName.famly", "Patient.contact.nme")


def test_several_values_in_a_plain_column_are_a_mapping_error():
    with pytest.raises(
        MappingError, match=r'column "given" got 2 values of one resource; end its path with \.first'
    ):
        table(view(column("given", "name.given")))


@pytest.mark.parametrize(
    ("definition", "complaint"),
    [
        ({}, "a view names one FHIR R4 resource type"),
        (view(column("a", "id"), resource="Quantity"), "a view names one FHIR R4 resource type"),
        (view(), "select must be a list with at least one entry"),
        (view({}), "a select needs column, select or unionAll"),
        (view({"colum": []}), 'unknown key "colum" in a select; did you mean "column"?'),
        (view(column("a", "id", pth="x")), 'unknown key "pth" in a column; did you mean "path"?'),
        (view(column("a b", "id")), "column name 'a b' must be letters, digits and _, a letter first"),
        (view(column("a", "id"), column("a", "id")), 'column "a" stands here twice'),
        (view(column("a", 1)), 'path of column "a" must be a FHIRPath expression, found 1'),
        (view(column("a", "name")), 'column "a": `name` gives HumanName; go on to a primitive element'),
        (view(column("a", "deceased.foo")), None),
        (view(column("a", "id", collection="yes")), 'column "a": collection must be true or false'),
        (view({"forEach": "name", "forEachOrNull": "name", **column("a", "id")}), "stand in one select"),
        (view({"repeat": "item", **column("a", "id")}), "repeat must be a list of paths"),
        (view({"unionAll": [column("a", "id"), column("b", "id")]}), "need equal columns: a is not b"),
        (view(column("a", "id"), where=[{"path": "name.family"}]), "`name.family` gives string; add"),
        (view(column("a", "id"), where={"path": "active"}), "where must be a list of objects"),
        (view(column("a", "%x")), "%x is not defined (constants of this view: none)"),
        (view(column("a", "id"), constant=[{"name": "c"}]), 'constant "c" needs one value'),
        (view(column("a", "id"), constant=[{"name": "c", "valueInteger": "x"}]), "'x' is no Integer"),
        (view(column("a", "id..x")), "path `id..x`, column 4"),
    ],
)  # fmt: skip
def test_a_wrong_view_is_refused_with_its_place(definition, complaint):
    if complaint is None:
        assert View.load(definition).unknown
        return
    with pytest.raises(MappingError) as raised:
        View.load(definition, file="vs.yaml", line=3)
    assert str(raised.value).startswith("vs.yaml:3  ")
    assert complaint in str(raised.value)


def test_selects_cannot_be_nested_without_end():
    inner = column("a", "id")
    for _ in range(500):
        inner = {"select": [inner]}
    with pytest.raises(MappingError, match="nested more than 20 deep"):
        View.load(view(inner))
