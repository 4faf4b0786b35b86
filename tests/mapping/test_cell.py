"""Cells: every value of the sample cohort leads back to what was sent, from the files alone."""

import gzip
import io
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from interop import write_result
from interop.cdisc.formats import read
from interop.explain import cell_text, find
from interop.fhir.json import parse as parse_json
from interop.fhir.path.evaluate import Scope, evaluate
from interop.fhir.path.parser import parse
from interop.mapping.cell import Cell, Source
from interop.mapping.cells import Cells
from interop.mapping.lineage import hashed
from interop.study import Study
from interop.tables import normal_text

STEP = re.compile(
    r"(?P<sent>-?[\d.]+) x (?P<factor>[\d./]+) \(.*\)(, rounded half up to (?P<digits>\d+) digits)?$"
)
CODE = re.compile(r"by (?P<system>\S+)\|(?P<code>.+) sent in (?P<path>.+)$")


@pytest.fixture(scope="module")
def folder(study: Study, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The datasets of the sample cohort; what follows looks at these files, never at the result in memory."""
    out = tmp_path_factory.mktemp("sdtm")
    write_result(study.to_sdtm(root / "samples" / "pumch" / "fhir"), out, force=True)
    return out


@pytest.fixture(scope="module")
def cells(study: Study, folder: Path) -> Cells:
    return study.cells(folder / "lb.xpt")


@pytest.fixture(scope="module")
def told(cells: Cells) -> list[Cell]:
    """Every cell of every dataset."""
    return [cell for name in cells.datasets for record in cells.records(name) for cell in cells.cells(record)]


@pytest.fixture(scope="module")
def source(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Resources of the sample by key, contained ones too, Patients by the hash of theirs; "" has no id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in every(root / "samples" / "pumch" / "fhir"):
        key = f"{resource['resourceType']}/{resource['id']}" if "id" in resource else ""
        found.setdefault(key, []).append(resource)
        if resource["resourceType"] == "Patient":
            found.setdefault(hashed(key), []).append(resource)
        for inner in resource.get("contained", []):
            own = {"meta": resource.get("meta", {}), **inner}
            found.setdefault(f"{key}#{inner['id']}", []).append(own)
    return found


def every(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.iterdir()):
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        lines = [raw] if file.suffix == ".json" else io.BytesIO(raw.removeprefix(b"\xef\xbb\xbf"))
        for line in lines:
            try:
                resource = parse_json(line)
            except ValueError:
                continue
            entries = resource.get("entry", []) if resource["resourceType"] == "Bundle" else []
            yield from (entry["resource"] for entry in entries if "resource" in entry)
            yield resource


path = cache(parse)


def stands(value: str, where: str, resource: dict[str, Any]) -> bool:
    """Whether an element has a value, numbers with all their digits, or several, joined by a comma."""
    found = evaluate(path(where), [resource], Scope(resource))
    if len(found) == 1 and isinstance(found[0], Decimal):
        return Decimal(value).as_tuple() == found[0].as_tuple()
    return value == ", ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in found)


def sent(sources: tuple[Source, ...] | list[Source]) -> Iterator[Source]:
    for one in sources:
        if one.kind == "sent":
            yield one
        yield from sent(list(one.sources))


def test_every_cell_of_every_file_is_told(study: Study, folder: Path, told: list[Cell]) -> None:
    there = {
        (name, column.name): column.len() - column.null_count()
        for name, dataset in read(folder, study.plan.standard).items()
        for column in dataset.frame.iter_columns()
    }
    counted: dict[tuple[str, str], int] = {}
    for cell in told:
        column = cell.variable
        if cell.dataset.startswith("SUPP"):
            column = column.partition(".")[2] or "QVAL"
        counted[cell.dataset, column] = counted.get((cell.dataset, column), 0) + 1
    assert counted == {name: n for name, n in there.items() if n}


def test_a_cell_is_made_again_from_what_its_sidecar_holds(told: list[Cell]) -> None:
    assert [cell for cell in told if cell.again is not None] == []


def test_a_code_of_eight_digits_is_told_with_all_of_them(told: list[Cell]) -> None:
    codes = {cell.value for cell in told if cell.variable == "AEPTCD"}
    assert "99000005" in codes
    assert all(code.isdecimal() for code in codes)


def test_every_cell_names_its_line_and_how_it_was_made(told: list[Cell]) -> None:
    assert [cell for cell in told if not re.search(r"\.yaml:\d+$", cell.mapping)] == []
    assert [cell for cell in told if not cell.sources and not cell.steps] == []
    incomplete = [s for cell in told for s in cell.sources if s.value is None or not s.where]
    assert incomplete == []


def test_the_text_as_sent_stands_in_the_resource_at_the_element(
    told: list[Cell], source: dict[str, list[dict[str, Any]]]
) -> None:
    asked = {
        (one.resource.key, one.resource.version, one.where, one.value)
        for cell in told
        for one in sent(list(cell.sources))
        if one.resource is not None and "Key(" not in one.where
    }
    wrong = []
    for key, version, where, value in sorted(asked, key=str):
        versions = [
            r
            for r in source.get(key, source[""])
            if version is None or r.get("meta", {}).get("versionId") == version
        ]
        if not any(stands(value, where, resource) for resource in versions):
            wrong.append((key, version, where, value))
    assert len(asked) > 20_000
    assert wrong == []


def test_the_code_that_a_table_knew_stands_in_the_resource(
    told: list[Cell], source: dict[str, list[dict[str, Any]]]
) -> None:
    asked = {
        (cell.resources[0].key, one.where)
        for cell in told
        for one in cell.sources
        if one.kind == "code" and cell.dataset == "LB"
    }
    wrong = []
    for key, where in sorted(asked):
        found = CODE.search(where)
        assert found is not None
        code = (found["system"], found["code"])
        for resource in source.get(key, source[""]):
            said = evaluate(path(found["path"]), [resource], Scope(resource))
            codes = {(one["system"], one["code"]) for one in said if isinstance(one, dict) and "code" in one}
            codes |= {("text", normal_text(one)) for one in said if isinstance(one, str)}
            if code in codes:
                break
        else:
            wrong.append((key, where))
    assert len(asked) > 2_000
    assert wrong == []


def test_what_was_sent_times_the_factor_is_the_value(told: list[Cell]) -> None:
    wrong, converted = [], 0
    for cell in told:
        step = next((found for text in cell.steps if (found := STEP.search(text))), None)
        if step is None or cell.variable not in ("LBSTRESN", "LBSTNRLO", "LBSTNRHI"):
            continue
        converted += 1
        exact = Fraction(step["sent"]) * Fraction(step["factor"])
        number = Decimal(exact.numerator) / Decimal(exact.denominator)
        places = number.adjusted() - int(step["digits"]) + 1 if step["digits"] else number.as_tuple().exponent
        rounded = number.quantize(Decimal(1).scaleb(int(places)), rounding=ROUND_HALF_UP)
        if float(rounded) != float(cell.value):
            wrong.append((cell.record, cell.variable, cell.value, step.group()))
    assert converted > 100
    assert wrong == []


def test_one_cell_needs_the_rows_of_its_subject_alone(study: Study, folder: Path, cells: Cells) -> None:
    place = cells.records("LB")[200].place
    alone = study.cells(folder / "lb.xpt", place=place)
    assert 0 < len(alone.records("LB")) < len(cells.records("LB"))
    (one,) = [record for record in alone.records("LB") if record.place == place]
    assert list(alone.cells(one)) == list(cells.cells(cells.records("LB")[200]))


def test_the_cell_of_the_readme_is_told_as_it_is_there(root: Path, cells: Cells) -> None:
    page = (root / "README.md").read_text(encoding="utf-8")
    found = re.search(
        r"^\$ interop explain demo/sdtm/lb.xpt --row (\S+) (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    assert found is not None
    place, variable, shown = found.groups()
    (cell,) = find(cells, Path("lb.xpt"), place, variable)
    assert cell_text(cell) + "\n" == shown


def test_the_sidecars_are_the_same_however_the_source_is_cut(
    study: Study, root: Path, folder: Path, tmp_path: Path
) -> None:
    write_result(study.to_sdtm(root / "samples" / "pumch" / "fhir", batches=13), tmp_path, force=True)
    files = sorted(file.relative_to(folder) for file in folder.rglob("*.parquet"))
    assert [file for file in files if (tmp_path / file).read_bytes() != (folder / file).read_bytes()] == []
    assert len(files) > 5
