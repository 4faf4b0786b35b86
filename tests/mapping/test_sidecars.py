import json

import polars as pl
import pytest

from interop import OutputError, Study, open_source, write_result

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "name": [{"family": "Secret"}]}
LABORATORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}


def result(number, code):
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "category": [{"coding": [LABORATORY]}],
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {"value": 120 + number, "system": "http://unitsofmeasure.org", "code": "g/L"},
    }


@pytest.fixture(scope="module")
def converted():
    source = open_source([PATIENT, result(1, "718-7"), result(2, "718-7"), result(3, "0-0")])
    return Study.load("NCT04324411").to_sdtm(source, enrol_all=True)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


SIDECARS = [
    "_interop/cells/dm.parquet",
    "_interop/cells/lb.parquet",
    *(f"_interop/{n}" for n in ("issues.json", "ledger.json", "lineage.parquet", "quarantine.ndjson")),
]


def test_datasets_with_records_are_written_beside_their_sidecars(converted, tmp_path):
    written = write_result(converted, tmp_path / "sdtm", formats=["xpt", "csv"])
    assert files(tmp_path) == [
        *(f"sdtm/{name}" for name in SIDECARS),
        *("sdtm/csv/dm.csv", "sdtm/csv/lb.csv", "sdtm/dm.xpt", "sdtm/lb.xpt"),
    ]
    assert len(written) == 10


def test_sidecars_say_what_became_of_every_resource(converted, tmp_path):
    write_result(converted, tmp_path / "sdtm")
    sidecars = tmp_path / "sdtm" / "_interop"
    issues = json.loads((sidecars / "issues.json").read_text(encoding="utf-8"))
    ledger = json.loads((sidecars / "ledger.json").read_text(encoding="utf-8"))
    assert issues["counts"]["error"] == len(issues["issues"]) == 1
    assert issues["issues"][0]["where"]["resource"] == "Observation/o3"
    assert {name: n for name, n in ledger["dispositions"].items() if n} == {"mapped": 3, "quarantined": 1}
    assert ledger["read"] == 4


def test_the_quarantine_is_a_source_again(converted, tmp_path):
    write_result(converted, tmp_path / "sdtm")
    again = Study.load("NCT04324411").to_sdtm(tmp_path / "sdtm/_interop/quarantine.ndjson")
    assert again.ledger.read == 1


def test_lineage_leads_from_a_record_to_its_resource_and_never_to_a_person(converted, tmp_path):
    write_result(converted, tmp_path / "sdtm")
    lineage = pl.read_parquet(tmp_path / "sdtm/_interop/lineage.parquet")
    rows = lineage.filter(pl.col("DATASET") == "LB").select("USUBJID", "SEQ", "key").rows()
    assert rows == [
        ("NCT04324411-PUMCH-0001", 1, "Observation/o1"),
        ("NCT04324411-PUMCH-0001", 2, "Observation/o2"),
    ]
    cells = [pl.read_parquet(tmp_path / f"sdtm/_interop/cells/{name}.parquet") for name in ("dm", "lb")]
    text = "".join(str(frame.to_dicts()) for frame in (lineage, *cells))
    assert "p1" not in text
    assert "Secret" not in text
    assert "Patient/sha256:" in text


def test_the_same_source_gives_the_same_bytes(converted, tmp_path):
    for name in ("first", "second"):
        write_result(converted, tmp_path / name, formats=["xpt", "csv"])
    first, second = (
        [(tmp_path / name / file).read_bytes() for file in files(tmp_path / name)]
        for name in ("first", "second")
    )
    assert first == second


def test_a_target_that_is_not_empty_needs_force_and_keeps_what_is_not_ours(converted, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "ae.xpt").write_text("of an earlier run", encoding="utf-8")
    with pytest.raises(OutputError, match="not empty"):
        write_result(converted, tmp_path)
    write_result(converted, tmp_path, force=True)
    assert files(tmp_path) == [*SIDECARS, "dm.xpt", "lb.xpt", "notes.txt"]


def test_a_run_that_fails_leaves_nothing_behind(converted, tmp_path):
    with pytest.raises(OutputError, match="no format 'sas'"):
        write_result(converted, tmp_path / "sdtm", formats=["xpt", "sas"])
    assert files(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_a_file_is_refused(converted, tmp_path):
    (tmp_path / "sdtm").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is a file"):
        write_result(converted, tmp_path / "sdtm", force=True)
