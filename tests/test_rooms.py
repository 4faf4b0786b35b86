"""What no import can show: rooms that know only their own words, and files that stay small."""

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

LINES = 300
# Names that a dataset of any domain may carry: identifiers, timing, the structure of SUPP-- and RELREC.
GENERIC = {
    *("STUDYID", "DOMAIN", "USUBJID", "VISITNUM", "VISIT", "VISITDY", "TAETORD", "EPOCH"),
    *("SUPPQUAL", "RDOMAIN", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL", "QORIG", "QEVAL"),
    *("RELREC", "RELTYPE", "RELID"),
}
NAME = re.compile(r"(?<![\w-])[A-Z][A-Z0-9]{1,7}(?![\w-])")
STUDY = re.compile(r"NCT\d{8}")


def modules(root: Path, *rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (root / "interop" / room).rglob("*.py"))


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Every text in the code with its line; a text that stands alone is a docstring."""
    tree = ast.parse(source)
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in alone:
            yield node.lineno, node.value


def known_by_name(source: str, names: set[str]) -> list[tuple[int, str]]:
    """Domains, their variables and studies that the code names in its texts."""
    return [
        (line, word)
        for line, text in literals(source)
        for word in (*NAME.findall(text), *STUDY.findall(text))
        if word in names or STUDY.fullmatch(word)
    ]


@pytest.fixture(scope="module")
def names(root):
    with (root / "sdtm/sdtmig-3-4/variables.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {row[column] for row in rows for column in ("domain", "variable")} - GENERIC


def test_no_code_in_fhir_mapping_or_engines_knows_a_domain_or_a_study(root, names):
    found = [
        f"{path.relative_to(root)}:{line}  {word}"
        for path in modules(root, "fhir", "mapping", "engines")
        for line, word in known_by_name(path.read_text(encoding="utf-8"), names)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = "LBTESTCD"', ["LBTESTCD"]),
        ('x = pl.col("LB.LBORRES")', ["LB", "LBORRES"]),
        ('x = f"{y}/EC"', ["EC"]),
        ('needs = ("DM.RFSTDTC", "--DTC")', ["DM", "RFSTDTC"]),
        ('study = "NCT04324411"', ["NCT04324411"]),
        ('x = ("--SEQ", "USUBJID", "QNAM", "VISITNUM", "EPOCH")', []),
        ('"""LB is named in a docstring, as an example."""', []),
    ],
)
def test_a_domain_variable_or_study_in_a_literal_is_noticed(source, found, names):
    assert [word for _, word in known_by_name(source, names)] == found


@pytest.mark.parametrize(("room", "word"), [("fhir", "sdtm"), ("fhir", "cdisc"), ("cdisc", "fhir")])
def test_one_side_never_mentions_the_other(root, room, word):
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in modules(root, room)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word in line.lower()
    ]
    assert found == []


def test_no_file_is_longer_than_a_reader_can_hold(root):
    long = {
        str(path.relative_to(root)): lines
        for path in modules(root, ".")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES
    }
    assert long == {}
