"""The rows of a domain: what a mapping file's from, union, join, omit, status and gate make of view rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from interop.errors import MappingError
from interop.knowledge import folder
from interop.mapping.concepts import CodeTable
from interop.mapping.context import Context
from interop.mapping.load import read_domain
from interop.mapping.rows import begin
from interop.mapping.work import Work

VIEW = (
    '{{"resourceType": "ViewDefinition", "status": "draft", "resource": "{0}", "select": [{{"column": ['
    '{{"name": "id", "path": "getResourceKey()"}}, {1}]}}]}}'
)
MAIN = VIEW.format(
    "Observation",
    '{"name": "subject", "path": "subject.getReferenceKey()"}, {"name": "status", "path": "status"},'
    ' {"name": "specimen", "path": "specimen.getReferenceKey()"}, {"name": "text", "path": "code.text"}',
)
SPECIMEN = VIEW.format("Specimen", '{"name": "note", "path": "note.text.first()"}')
CODING = VIEW.format("Observation", '{"name": "system", "path": "id"}, {"name": "code", "path": "id"}')
FILE = f"""
domain: VS
class: Findings
views:
  main: {MAIN}
  specimen: {SPECIMEN}
  coding: {CODING}
from: main
resource: {{resourceType: Observation}}
keys: [USUBJID]
variables:
  USUBJID: {{usubjid: subject}}
"""
ROWS = """
    _key | subject   | status | specimen | text
    O/1  | Patient/1 | final  | S/1      | one
    O/2  | Patient/1 | final  | S/2      | two
    O/3  | Patient/2 | final  | S/1      | none
    """

Begin = Callable[..., Work]


@pytest.fixture
def begun(context: Context, table: Callable[[str], pl.DataFrame], tmp_path: Path) -> Begin:
    """The rows of a small domain with `more` in its mapping file, from pipe tables by view."""
    subjects = table("""
        patient   | USUBJID
        Patient/1 | X-1
        Patient/2 | X-2
        """).with_columns(
        pl.lit(None, pl.String).alias(n) for n in ("enrolment", "subjid", "siteid", "earlier")
    )

    def view(text: str) -> pl.DataFrame:
        rows = table(text)
        owner = rows["_key"].rank("dense").cast(pl.UInt32) - 1
        more: dict[str, Any] = {"_version": pl.lit(None, pl.String), "_index": pl.lit(0, pl.UInt32)}
        absent = {name: more[name] for name in more if name not in rows.columns}
        made = rows.with_columns(_rid=owner, id="_key", **absent)
        return made.with_columns(pl.col("_index").cast(pl.UInt32))

    def made(more: str, *, tables: dict[str, CodeTable] | None = None, **views: str) -> Work:
        file = tmp_path / "vs.yaml"
        file.write_text(FILE + more, encoding="utf-8")
        mapping = read_domain(file, schema=folder("mappings") / "domain.schema.json", constants={})
        own = msgspec.structs.replace(context, roster=subjects, tables={**context.tables, **(tables or {})})
        given = {"main": ROWS, "specimen": "_key | note", "coding": "_key | system | code", **views}
        return begin(mapping, {name: view(text) for name, text in given.items()}, own)

    return made


def codes(*rows: tuple[str, str, str, str]) -> dict[str, CodeTable]:
    frame = pl.DataFrame(rows, schema=["system", "code", "target", "domain"], orient="row")
    return {"own": CodeTable("own", [Path("own.csv")], frame, ["target", "domain"])}


def gone(work: Work) -> list[tuple[Any, ...]]:
    """What left: record, fate and reason."""
    return [row for part in work.fates for row in part.select("rid", "fate", "reason").rows()]


def test_rows_of_subjects_stay_and_bear_their_identifier(begun: Begin) -> None:
    assert begun("").frame.select("_key", "USUBJID").rows() == [
        ("O/1", "X-1"),
        ("O/2", "X-1"),
        ("O/3", "X-2"),
    ]


def test_a_row_without_a_subject_of_the_roster_leaves(begun: Begin) -> None:
    rows = "_key | subject | status | text\nO/1 | Patient/3 | final | one\nO/2 | | final | two"
    assert begun("", main=rows).frame.height == 0


def test_a_join_gives_columns_under_its_alias(begun: Begin) -> None:
    specimens = "_key | note\nS/1 | clotted\nS/3 | lost"
    work = begun("join: {tube: {view: specimen, on: {specimen: id}}}\n", specimen=specimens)
    assert work.frame.select("_key", "tube.note").rows() == [
        ("O/1", "clotted"),
        ("O/2", None),
        ("O/3", "clotted"),
    ]


def test_a_join_that_finds_two_rows_is_a_wrong_mapping(begun: Begin) -> None:
    with pytest.raises(MappingError, match=r"vs\.yaml:\d+  join tube finds two rows for one"):
        begun(
            "join: {tube: {view: specimen, on: {specimen: id}}}\n",
            specimen="_key | note\nS/1 | clotted\nS/1 | again",
        )


def test_a_join_may_choose_among_several(begun: Begin) -> None:
    specimens = "_key | note\nS/1 | b\nS/1 | a"
    work = begun(
        "join: {tube: {view: specimen, on: {specimen: id}, choose: {first: [note]}}}\n", specimen=specimens
    )
    assert work.frame["tube.note"].to_list() == ["a", None, "a"]


def test_rows_that_are_no_record_leave_with_their_reason(begun: Begin) -> None:
    work = begun("omit: [{reason: nothing, when: {text: [none]}}]\n")
    assert work.frame["_key"].to_list() == ["O/1", "O/2"]
    assert gone(work) == [(2, "out of scope", "nothing")]


def test_a_condition_may_be_presence_absence_or_values(begun: Begin) -> None:
    rows = "_key | subject | status | text\nO/1 | Patient/1 | final |\nO/2 | Patient/1 | final | a"
    for when, left in [
        ("{text: present}", ["O/1"]),
        ("{text: absent}", ["O/2"]),
        ("{text: [a, b]}", ["O/1"]),
        ("{text: present, status: [amended]}", ["O/1", "O/2"]),
    ]:
        assert begun(f"omit: [{{reason: x, when: {when}}}]\n", main=rows).frame["_key"].to_list() == left
    unless = "omit: [{reason: x, when: {status: [final]}, unless: {text: present}}]\n"
    assert begun(unless, main=rows).frame["_key"].to_list() == ["O/2"]


GATE = "children: {coding: {view: coding, on: {id: id}}}\ngate: {recode: own, from: [coding, text]%s}\n"


def test_the_gate_looks_at_codes_and_texts(begun: Begin) -> None:
    work = begun(
        GATE % "",
        tables=codes(("urn:a", "1", "ONE", "VS"), ("text", "two", "TWO", "VS")),
        coding="_key | system | code\nO/1 | urn:a | 1\nO/3 | urn:b | 1\nO/3 |  | 2",
    )
    assert work.frame.select("_key", "gate.target").rows() == [("O/1", "ONE"), ("O/2", "TWO")]
    assert gone(work) == [(2, "quarantined", "MAP-CODE-001")]
    assert work.problems[0]["value"].to_list() == ["urn:b|1, |2"]


def test_what_misses_the_gate_may_be_out_of_scope(begun: Begin) -> None:
    work = begun(GATE % ", miss: out of scope", tables=codes(("text", "two", "TWO", "VS")))
    assert work.frame["_key"].to_list() == ["O/2"]
    assert {(fate, reason) for _, fate, reason in gone(work)} == {
        ("out of scope", "no domain takes this code")
    }


def test_the_gate_prefers_a_system(begun: Begin) -> None:
    work = begun(
        GATE % ", order: [urn:b]",
        tables=codes(("urn:a", "1", "ONE", "VS"), ("urn:b", "1", "OTHER", "VS")),
        coding="_key | system | code\nO/1 | urn:a | 1\nO/1 | urn:b | 1\nO/2 | urn:a | 1",
    )
    assert work.frame.select("_key", "gate.target").rows() == [("O/1", "OTHER"), ("O/2", "ONE")]


def test_two_codes_that_mean_two_things_are_not_decided_here(begun: Begin) -> None:
    table = codes(("urn:a", "1", "ONE", "VS"), ("urn:a", "2", "TWO", "VS"), ("urn:b", "1", "ONE", "VS"))
    work = begun(
        GATE % ", agree: target",
        tables=table,
        coding="_key | system | code\nO/1 | urn:a | 1\nO/1 | urn:a | 2\nO/2 | urn:a | 1\nO/2 | urn:b | 1",
    )
    assert work.frame.select("_key", "gate.target").rows() == [("O/2", "ONE")]
    assert (0, "quarantined", "MAP-CODE-004") in gone(work)


def test_what_belongs_to_another_domain_is_left_to_it(begun: Begin) -> None:
    work = begun(
        GATE % ", keep: {domain: [VS]}",
        tables=codes(("text", "one", "ONE", "LB"), ("text", "two", "TWO", "VS"), ("text", "none", "N", "VS")),
    )
    assert work.frame["_key"].to_list() == ["O/2", "O/3"]
    assert gone(work) == [(0, "out of scope", "belongs to another domain")]


def test_a_part_is_a_row_of_its_own_under_a_numbered_key(begun: Begin) -> None:
    coding = """
        _key | _index | subject   | status | code
        O/1  | 0      | Patient/1 | final  | a
        O/1  | 1      | Patient/1 | final  | b
        """
    work = begun("union: [{view: coding, element: component}]\n", coding=coding)
    parts = work.frame.filter(pl.col("_parent").is_not_null())
    assert parts.select("_key", "_parent", "_resource", "_element", "code").rows() == [
        ("O/1#component.1", "O/1", "O/1", "0", "a"),
        ("O/1#component.2", "O/1", "O/1", "1", "b"),
    ]
