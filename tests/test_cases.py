"""The golden cases: FHIR in, exact rows out. How a case file is read is told in `tests/cases/README.md`."""

import csv
import gzip
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from interop.cdisc.dataset import Dataset
from interop.cdisc.formats import write
from interop.fhir.elements import JSON_NUMBERS, Element, child, names
from interop.fhir.json import Number, dump
from interop.knowledge import folder
from interop.mapping.to_sdtm import Result
from interop.study import Study
from interop.tables import read_yaml

HERE = Path(__file__).resolve().parent / "cases"
FILES = sorted([*HERE.glob("*/C*.yaml"), *HERE.glob("*/H*.yaml")])
PARTS = {"case", "title", "study", "fhir", "files", "context", "expect"}
EXPECTED = {"issues", "ledger", "lineage", "csv"}
STUDY = "NCT04324411"
COUNTED = ("merged", "removed", "not in study", "out of scope", "quarantined", "unreadable")


# ---------------------------------------------------------------- FHIR as written in a case


@cache
def fixtures() -> Mapping[str, Any]:
    found: Mapping[str, Any] = read_yaml(HERE / "fixtures.yaml").data
    return found


def merged(base: Any, own: Any) -> Any:
    """`own` over `base`: objects element by element, all else whole; a null takes an element away."""
    if not isinstance(base, Mapping) or not isinstance(own, Mapping):
        return own
    both = {name: merged(base.get(name), value) for name, value in own.items()}
    return {name: value for name, value in {**base, **both}.items() if value is not None}


def resources(item: Any) -> Iterator[dict[str, Any]]:
    """The resources that one entry of `fhir:` stands for: a literal, a fixture with changes, or a group."""
    group = fixtures()[item["use"]] if list(item) == ["use"] else None
    for part in [{"use": name} for name in group] if isinstance(group, list) else [item]:
        made = literal(part)
        yield typed(made, made["resourceType"])


def literal(item: Any) -> Any:
    """An entry with its fixture, and that one's own, filled in."""
    own = {name: value for name, value in item.items() if name != "use"}
    return merged(literal(fixtures()[item["use"]]), own) if "use" in item else own


def typed(value: Any, inside: str) -> Any:
    """Text of a case as the JSON that FHIR R4 asks for at this place; numbers keep their digits."""
    if isinstance(value, list):
        return [typed(part, inside) for part in value]
    if isinstance(value, Mapping):
        kind = value.get("resourceType", inside)
        return {name: _element(kind, name, part) for name, part in value.items() if part is not None}
    if inside in JSON_NUMBERS:
        return Number(value)
    return {"true": True, "false": False}[value] if inside == "boolean" else value


def _element(parent: str, name: str, value: Any) -> Any:
    plain = name.removeprefix("_")
    found = child(parent, plain) or _choice(parent, plain)
    if found is None:  # R4 has no such element: what a sender invents is text
        return value
    kinds = [kind for kind in found.types if found.name(kind) == plain]
    return typed(value, "Element" if name != plain else found.inside((kinds or found.types)[0]))


def _choice(parent: str, name: str) -> Element | None:
    choices = (child(parent, element) for element in names(parent))
    return next((c for c in choices if c and c.is_choice and name in map(c.name, c.types)), None)


def content(file: Mapping[str, Any]) -> bytes:
    """Bytes of a file of a reading case: `lines` (resources or text), then what `as` does to them."""
    lines = []
    for line in file["lines"]:
        if isinstance(line, str):
            lines.append(line.encode())
        else:
            lines.extend(dump(resource) for resource in resources(line))
    ways = file.get("as", [])
    made = b"".join(line + (b"\r\n" if "crlf" in ways else b"\n") for line in lines)
    made = (b"\xef\xbb\xbf" if "bom" in ways else b"") + made
    made = made[: len(made) - int(file["cut"])] if "cut" in file else made
    return gzip.compress(made, mtime=0) if "gzip" in ways else made


# ---------------------------------------------------------------- the study, and the run


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Study]:
    """A study for each set of settings that a case changes, made when first asked for."""

    class Studies(dict[str, Study]):
        def __missing__(self, settings: str) -> Study:
            home = folder("mappings") / "studies" / STUDY
            if settings != "{}":
                data = merged(read_yaml(home / "study.yaml").data, json.loads(settings))
                place = tmp_path_factory.mktemp("study")
                shutil.copytree(home / "concepts", place / "concepts")
                (place / "study.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
                home = place
            self[settings] = Study.load(home)
            return self[settings]

    return Studies()


def run(case: Mapping[str, Any], study: Study, place: Path) -> Result:
    if "fhir" in case:
        return study.to_sdtm([made for item in case["fhir"] for made in resources(item)])
    for file in case["files"]:
        (place / file["file"]).write_bytes(content(file))
    return study.to_sdtm(place)


# ---------------------------------------------------------------- tables


def table(literal: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a pipe table; ``\\|`` is a pipe in a cell."""
    lines = [line.replace("\\|", "\0").split("|") for line in literal.strip().splitlines()]
    cells = [[cell.strip().replace("\0", "|") for cell in line] for line in lines]
    ragged = [line for line in cells if len(line) != len(cells[0])]
    assert not ragged, f"cells are missing or too many in {ragged}"
    return cells[0], cells[1:]


def shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def rows(frame: pl.DataFrame, header: list[str]) -> list[list[str]]:
    assert set(header) <= set(frame.columns), f"no column {sorted(set(header) - set(frame.columns))}"
    return [[shown(cell) for cell in row] for row in frame.select(header).iter_rows()]


def whole(dataset: Dataset) -> pl.DataFrame:
    """The dataset with every variable of its domain; one that no record has is no column of it."""
    absent = [name for name in dataset.domain.names if name not in dataset.frame.columns]
    return dataset.frame.with_columns(pl.lit(None).alias(name) for name in absent)


def cells_of(path: Path) -> pl.DataFrame:
    """A CSV file as it is, without what a reader would undo."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return pl.DataFrame(list(csv.DictReader(lines)))


def issues(result: Result, header: list[str]) -> list[list[str]]:
    """Issues counted by the columns of the header."""
    counts: Counter[tuple[str, ...]] = Counter()
    for issue in result.issues:
        place = {"rule": issue.rule, "severity": issue.severity, "value": issue.value,
                 "variable": issue.where.variable, "line": issue.where.line,
                 "resource": issue.where.resource, "message": issue.message}  # fmt: skip
        counts[tuple(shown(place[name]) for name in header if name != "count")] += issue.count
    at = header.index("count")
    return sorted([*key[:at], str(n), *key[at:]] for key, n in counts.items())


def aligned(header: list[str], found: list[list[str]]) -> str:
    """A table as a case writes it, so that a difference reads as one."""
    lines = [header, *found]
    widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
    return "\n".join(" | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)


def same(what: str, frame: pl.DataFrame, wanted: str) -> None:
    header, lines = table(wanted)
    assert aligned(header, rows(frame, header)) == aligned(header, lines), what


# ---------------------------------------------------------------- the cases


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_case(file: Path, studies: Mapping[str, Study], tmp_path: Path) -> None:
    case = read_yaml(file).data
    unknown = set(case) - PARTS
    assert not unknown, f"a case has no {sorted(unknown)}"
    assert file.stem.startswith(case["case"]), "the file is named after its case"
    result = run(case, studies[json.dumps(case.get("study") or {})], tmp_path)
    expect = case["expect"] or {}
    check_datasets(result, expect, case.get("context", []))
    header, wanted = table(expect.get("issues", "rule | count"))
    assert aligned(header, issues(result, header)) == aligned(header, sorted(wanted)), "issues"
    assert {fate: n for fate in COUNTED if (n := result.ledger.dispositions[fate])} == {
        fate: int(n) for fate, n in expect.get("ledger", {}).items()
    }, "ledger"
    assert result.ledger.adds_up
    for name, wanted in expect.get("lineage", {}).items():
        same(f"lineage of {name}", result.lineage[name], wanted)
    for name, wanted in expect.get("csv", {}).items():
        (path,) = write({name: result.datasets[name]}, tmp_path, formats=["csv"])
        same(f"CSV of {name}", cells_of(path), wanted)


def check_datasets(result: Result, expect: Mapping[str, Any], context: list[str]) -> None:
    """Datasets of `expect` have exactly these rows; the others are empty, but for those of `context`."""
    named = expect.keys() - EXPECTED
    for name in named:
        same(name, whole(result.datasets[name]), expect[name])
    others = {n: data.frame for n, data in result.datasets.items() if n not in {*named, *context}}
    unasked = {n: aligned(f.columns, rows(f, f.columns)) for n, f in others.items() if f.height}
    assert not unasked, "not expected: " + "".join(f"\n{name}\n{rows}" for name, rows in unasked.items())


def test_no_two_case_files_have_one_name() -> None:
    stems = Counter(file.stem for file in FILES)
    assert [stem for stem, n in stems.items() if n > 1] == []
