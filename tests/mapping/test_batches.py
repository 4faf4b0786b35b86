"""The unit of work is a batch of subjects: however a source is cut or ordered, the bytes are the same."""

import codecs
import gzip
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from interop.cdisc.formats import write
from interop.fhir.json import dump
from interop.mapping.to_sdtm import Result
from interop.study import Study

Shuffle = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def pumch(root: Path) -> Path:
    return root / "samples" / "pumch" / "fhir"


@pytest.fixture(scope="module")
def whole(study: Study, pumch: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return digests(study.to_sdtm(pumch), tmp_path_factory.mktemp("whole"))


def digests(result: Result, out: Path) -> Mapping[str, str]:
    """SHA-256 of every dataset as an XPT file, and of every lineage frame."""
    files = {path.name: path.read_bytes() for path in write(result.datasets, out)}
    frames = {name: frame.write_ndjson().encode() for name, frame in result.lineage.items()}
    return {name: sha256(found).hexdigest() for name, found in {**files, **frames}.items()}


def test_there_is_something_to_compare(study: Study, whole: Mapping[str, str]) -> None:
    """Every domain of the study as a file and by its lineage, and what hangs on the domains."""
    files = {name.removesuffix(".xpt").upper() for name in whole if name.endswith(".xpt")}
    assert {*study.mappings, "SUPPEC", "SUPPLB", "RELREC"} <= files
    assert {*study.mappings} <= {*whole}


@pytest.mark.parametrize(("workers", "batches"), [(1, 7), (2, 2), (2, 7)])
def test_batches_and_workers_change_nothing(
    study: Study, pumch: Path, whole: Mapping[str, str], tmp_path: Path, workers: int, batches: int
) -> None:
    assert digests(study.to_sdtm(pumch, workers=workers, batches=batches), tmp_path) == whole


def lines_of(file: Path) -> list[bytes]:
    """Lines of a file, without the byte order mark that only the first of them bears."""
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return raw.removeprefix(codecs.BOM_UTF8).splitlines()


def shuffled_lines(source: Path, target: Path) -> None:
    for file in source.iterdir():
        if ".ndjson" not in file.name:
            (target / file.name).write_bytes(file.read_bytes())
            continue
        lines = lines_of(file)
        cut = [] if file.read_bytes().endswith(b"\n") or file.suffix == ".gz" else [lines.pop()]
        random.Random(20200511).shuffle(lines)  # noqa: S311  an order, no secret
        (target / file.name.removesuffix(".gz")).write_bytes(b"\n".join([*lines, *cut]))


def renamed_files(source: Path, target: Path) -> None:
    for n, file in enumerate(sorted(source.iterdir(), reverse=True)):
        suffix = "".join(file.suffixes)
        (target / f"{n:02}{suffix}").write_bytes(file.read_bytes())


def one_file(source: Path, target: Path) -> None:
    """Every resource in one file, types mixed, as a server's history may be."""
    lines = []
    for file in source.iterdir():
        if file.suffix == ".ndjson":
            lines += lines_of(file)
        else:
            (target / file.name).write_bytes(file.read_bytes())
    lines.sort()
    random.Random(20200511).shuffle(lines)  # noqa: S311  an order, no secret
    (target / "all.ndjson").write_bytes(b"\n".join(lines))


def small_files(source: Path, target: Path) -> None:
    for file in source.iterdir():
        if file.suffix != ".ndjson":
            (target / file.name).write_bytes(file.read_bytes())
            continue
        lines = file.read_bytes().splitlines(keepends=True)
        for n in range(0, len(lines), 400):
            (target / f"{file.stem}.{n}.ndjson").write_bytes(b"".join(lines[n : n + 400]))


@pytest.mark.parametrize("way", [shuffled_lines, renamed_files, one_file, small_files])
def test_the_order_and_the_names_of_files_change_nothing(
    study: Study, pumch: Path, whole: Mapping[str, str], tmp_path: Path, way: Shuffle
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    way(pumch, source)
    assert digests(study.to_sdtm(source, batches=3), out) == whole


RUN = """
import sys
from interop.cdisc.formats import write
from interop.study import Study
if __name__ == "__main__":
    result = Study.load().to_sdtm(sys.argv[1], batches=2)
    write(result.datasets, sys.argv[2])
"""


@pytest.mark.parametrize(("zone", "seed"), [("America/St_Johns", "1"), ("Pacific/Apia", "4294967295")])
def test_the_machines_zone_and_hash_seed_change_nothing(
    root: Path, pumch: Path, whole: Mapping[str, str], tmp_path: Path, zone: str, seed: str
) -> None:
    environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", RUN, str(pumch), str(tmp_path)]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    made = {path.name: sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert made == {name: digest for name, digest in whole.items() if name.endswith(".xpt")}


PEOPLE: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1968-03-14"},
    {"resourceType": "Patient", "id": "p2", "gender": "male", "birthDate": "1955"},
]


def test_resources_in_memory_are_read_as_those_in_a_file(study: Study, tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_bytes(b"\n".join(map(dump, PEOPLE)))
    read = study.to_sdtm(tmp_path / "Patient.ndjson", enrol_all=True)
    held = study.to_sdtm(PEOPLE, enrol_all=True)
    assert held.datasets["DM"].frame.equals(read.datasets["DM"].frame)
    assert held.lineage["DM"].equals(read.lineage["DM"])
    assert held.datasets["DM"].frame["SEX"].to_list() == ["F", "M"]


def test_a_batch_without_doses_changes_nothing(study: Study) -> None:
    dose = {
        "resourceType": "MedicationAdministration",
        "id": "m1",
        "status": "completed",
        "medicationCodeableConcept": {"text": "sirolimus"},
        "subject": {"reference": "Patient/p2"},
        "effectiveDateTime": "2020-05-11",
    }
    one, two = (study.to_sdtm([*PEOPLE, dose], enrol_all=True, batches=n) for n in (1, 2))
    assert len(one.datasets["EX"]) == 1
    for name in study.mappings:
        assert two.datasets[name].frame.equals(one.datasets[name].frame), name
        assert two.lineage[name].equals(one.lineage[name]), name


def test_an_empty_source_gives_empty_datasets(study: Study) -> None:
    result = study.to_sdtm([], batches=7)
    assert {name: len(dataset) for name, dataset in result.datasets.items()} == dict.fromkeys(
        study.mappings, 0
    )
    assert all(isinstance(frame, pl.DataFrame) and frame.height == 0 for frame in result.lineage.values())
    assert (result.ledger.read, list(result.issues)) == (0, [])
