"""Repeating parts before one is chosen: what they refer to, columns of their own, lists of what they say."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from interop.errors import MappingError
from interop.knowledge import folder
from interop.mapping.choosers import each
from interop.mapping.context import Context, holds
from interop.mapping.lists import listed, summary
from interop.mapping.load import read_domain
from interop.tables import read_yaml

SCALE = ["NO", "MAYBE", "YES"]


def test_each_lists_what_all_parts_say_and_what_those_of_one_value_say(context: Context) -> None:
    parts = pl.DataFrame(
        [(1, 0, "B", "yes"), (0, 1, "A", "no"), (0, 0, "B", "maybe"), (0, 2, "A", None)],
        schema={"_at": pl.UInt32, "_nth": pl.UInt32, "drug": pl.String, "rel": pl.String},
        orient="row",
    )
    assert each(pl.DataFrame(), parts, ["drug", "rel"], context).to_dicts() == [
        {"_at": 0, "rel": ["maybe", "no"], "A.rel": ["no"], "B.rel": ["maybe"]},
        {"_at": 1, "rel": ["yes"], "A.rel": None, "B.rel": ["yes"]},
    ]


@pytest.mark.parametrize(
    ("said", "one"),
    [
        (["NO"], "NO"),
        (["NO", "NO"], "NO"),
        (["YES", "NO"], "YES"),
        (["NO", "MAYBE"], "MAYBE"),
        (["NO", "PERHAPS"], "MULTIPLE"),
        ([], None),
        (None, None),
    ],
)
def test_the_strongest_of_a_list_stands_for_it(variable: Any, context: Context, said: Any, one: str) -> None:
    rows = pl.DataFrame({"said": [said]}, schema={"said": pl.List(pl.String)})
    made = variable("XXREL", "derive", "summary", **{"from": ["said"], "order": SCALE, "many": "MULTIPLE"})
    assert summary(rows, made, context).values.to_list() == [one]


def test_without_an_order_different_values_are_many(variable: Any, context: Context) -> None:
    rows = pl.DataFrame({"said": [["YES", "NO"], ["YES", "YES"]]})
    made = variable("XXACN", "derive", "summary", **{"from": ["said"], "many": "MULTIPLE"})
    assert summary(rows, made, context).values.to_list() == ["MULTIPLE", "YES"]


def test_different_values_are_listed_once_and_in_their_order(variable: Any, context: Context) -> None:
    rows = pl.DataFrame({"said": [["b", "a", "b"], [], None]}, schema={"said": pl.List(pl.String)})
    made = variable("XXSRC", "derive", "listed", **{"from": ["said"]})
    assert listed(rows, made, context).values.to_list() == ["b; a", None, None]


def test_a_condition_may_say_what_a_value_is_not(context: Context) -> None:
    rows = pl.DataFrame({"x": ["Y", "N", None]})
    assert holds(rows, {"x": {"not": ["Y"]}}, {}, context).to_list() == [False, True, True]


# a change to the packaged mapping of adverse events, and what is said of it
WRONG = [
    (
        ("children", "suspect", "columns", "rel", "else", "assign"),
        "wordy",
        'no column "wordy"; did you mean "word"',
    ),
    (("children", "suspect", "join", "medication", "view"), "medicine", 'no view "medicine"; did you mean'),
    (
        ("children", "suspect", "join", "medication", "on"),
        {"instanz": "id"},
        'no column "instanz"; did you mean',
    ),
    (("children", "suspect", "when"), {"drugs": "present"}, 'no column "drugs"; did you mean "drug"'),
    (("children", "suspect", "column"), {}, 'unknown key "column"; did you mean "columns"'),
    (("variables", "AEREL", "else", "from"), ["suspect.rell"], 'no column "suspect.rell"; did you mean'),
    (("supp", "AERELSRC", "else", "from"), ["suspect.A.rell"], 'no column "suspect.A.rell"'),
]


@pytest.mark.parametrize(("at", "value", "said"), WRONG, ids=[".".join(at) for at, _, _ in WRONG])
def test_a_wrong_name_in_a_child_is_told_by_its_line(
    tmp_path: Path, at: tuple[str, ...], value: object, said: str
) -> None:
    place = folder("mappings") / "domains" / "ae.yaml"
    data: Any = read_yaml(place).data
    inside = data
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    file = tmp_path / "ae.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    with pytest.raises(MappingError, match=said) as caught:
        read_domain(file, schema=folder("mappings") / "domain.schema.json", constants={})
    assert caught.value.line is not None
