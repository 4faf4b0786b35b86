"""YAML and CSV as people write them: text stays text, and what is wrong is told by its line."""

from pathlib import Path

import pytest

from interop.errors import MappingError, SpecError, StudyError
from interop.tables import check_schema, normal_text, read_table, read_yaml, suggestion


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "written"


def test_what_is_typed_stays_text(file: Path) -> None:
    file.write_text("{a: NO, b: 012, c: 1.50, d: 2020-05-11, e: true, f: 1e3, g: null}", encoding="utf-8")
    assert read_yaml(file).data == {
        "a": "NO", "b": "012", "c": "1.50", "d": "2020-05-11", "e": "true", "f": "1e3", "g": "null",
    }  # fmt: skip


def test_only_a_tilde_or_nothing_is_null(file: Path) -> None:
    file.write_text('a: ~\nb:\nc: ""\nd: "~"\n', encoding="utf-8")
    assert read_yaml(file).data == {"a": None, "b": None, "c": "", "d": "~"}


def test_below_views_values_are_those_of_json(file: Path) -> None:
    file.write_text('views: {a: true, b: -2, c: null, d: "true", e: draft}\nother: true\n', encoding="utf-8")
    assert read_yaml(file).data == {
        "views": {"a": True, "b": -2, "c": None, "d": "true", "e": "draft"},
        "other": "true",
    }


def test_an_empty_file_is_an_empty_tree(file: Path) -> None:
    file.write_text("# nothing yet\n", encoding="utf-8")
    assert read_yaml(file).data == {}


def test_every_key_and_item_knows_its_line(file: Path) -> None:
    file.write_text("a:\n  b: 1\n  c:\n    - x\n    - y\n", encoding="utf-8")
    tree = read_yaml(file)
    asked = [(), ("a",), ("a", "b"), ("a", "c", 1), ("a", "c", 1, "deeper"), ("a", "unknown")]
    assert [tree.line(keys) for keys in asked] == [1, 1, 2, 5, 5, 1]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\na: 2\n", 2, '"a" stands here twice'),
        ("a: {b: 1,\n  b: 2}\n", 2, '"b" stands here twice'),
        ("a: [1\nb: 2\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
    ],
)
def test_wrong_yaml_is_told_by_its_line(file: Path, text: str, line: int, said: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_yaml(file, error=StudyError)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{file}:{line}  {said}")


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    for read in (lambda: read_yaml(file), lambda: read_table(file, required=("a",))):
        with pytest.raises(MappingError, match="cannot be read: No such file"):
            read()


def test_a_schema_names_the_misspelt_key_before_the_missing_one(file: Path) -> None:
    schema = file.with_suffix(".json")
    schema.write_text(
        '{"required": ["name"], "additionalProperties": false, "properties": {"name": {"type": "string"},'
        ' "list": {"items": {"enum": ["a", "b"]}}}}',
        encoding="utf-8",
    )
    for text, line, said in [
        ("\nnme: x\n", 2, 'unknown key "nme"; did you mean "name"? (known: name, list)'),
        ("\nlist: []\n", 1, "file: 'name' is a required property"),
        ("name: x\nlist:\n  - a\n  - c\n", 4, "list.1: 'c' is not one of ['a', 'b']"),
    ]:
        file.write_text(text, encoding="utf-8")
        with pytest.raises(MappingError) as caught:
            check_schema(read_yaml(file), schema)
        assert (caught.value.line, caught.value.message) == (line, said)
    file.write_text("name: x\nlist: [a]\n", encoding="utf-8")
    check_schema(read_yaml(file), schema)


def test_a_table_keeps_text_and_lines(file: Path) -> None:
    file.write_bytes('\ufeff# what it is\ncode,name,note\n\n012,"a, b",\n# old\nNO,x,y\r\n'.encode())
    rows = read_table(file, required=("code", "name"), optional=("note",))
    assert [(row.line, row["code"], row["name"], row["note"], row["other"]) for row in rows] == [
        (4, "012", "a, b", None, None),
        (6, "NO", "x", "y", None),
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "has no header; expected the columns code, name"),
        ("# only a comment\n", 1, "has no header"),
        ("code,nme\n", 1, 'column "name" is missing; did you mean "nme"?'),
        ("# x\ncode,name,noet\n", 2, 'unknown column "noet"; did you mean "note"?'),
        ("code,name\na,b\na\n", 3, "1 fields, the header has 2"),
        ("code,name\na,b,c\n", 2, "3 fields, the header has 2"),
    ],
)
def test_a_wrong_table_is_told_by_its_line(file: Path, text: str, line: int, said: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_table(file, required=("code", "name"), optional=("note",), error=SpecError)
    assert caught.value.line == line
    assert caught.value.message.startswith(said)


def test_columns_are_free_where_none_are_listed(file: Path) -> None:
    file.write_text("code,anything\na,b\n", encoding="utf-8")
    assert read_table(file, required=("code",))[0]["anything"] == "b"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ｈｂ", "hb"),
        (" NEG ", "neg"),
        ("\u00b5mol/L", "\u03bcmol/l"),
        ("\u03bcmol/L", "\u03bcmol/l"),
        ("１＋", "1+"),
        ("阴性", "阴性"),
    ],
)
def test_texts_are_compared_in_one_form(text: str, normal: str) -> None:
    assert normal_text(text) == normal


def test_a_suggestion_is_a_near_word_or_nothing() -> None:
    assert suggestion("LBSTREC", ["LBSTRESC", "LBTEST"]) == '; did you mean "LBSTRESC"?'
    assert suggestion("x", ["LBSTRESC"]) == ""
