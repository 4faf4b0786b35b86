"""The synthetic cohort: the same bytes every time, good FHIR except where it is wrong on purpose."""

import csv
import gzip
import json
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

Resource = dict[str, Any]
ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
COHORT = SAMPLES / "pumch" / "fhir"
CONCEPTS = ROOT / "mappings" / "studies" / "NCT04324411" / "concepts"
LIS, LOINC = "urn:pumch:lis", "http://loinc.org"
ILLEGAL = {"L-006-07-XCG001"}  # a time without offset
UNMAPPED = {"XCG000", "RPT01", "MY099", "TDM01"}  # panels and reports, erythropoietin, the sirolimus level


def generate(folder: Path, *arguments: str, **environment: str) -> Path:
    command = [sys.executable, str(SAMPLES / "generate.py"), "--out", str(folder), *arguments]
    subprocess.run(command, check=True, cwd=folder.parent, env=os.environ | environment)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def lines(path: Path) -> list[bytes]:
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [line for line in raw.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()]


def decoded(path: Path) -> Iterator[Resource]:
    for line in lines(path):
        try:
            yield json.loads(line)
        except ValueError:  # counted by test_only_three_lines_cannot_be_read
            continue


@pytest.fixture(scope="module")
def cohort() -> list[Resource]:
    single = [row for path in sorted(COHORT.glob("*.ndjson*")) for row in decoded(path)]
    bundle = json.loads((COHORT / "bundle-followup.json").read_bytes())
    return [*single, *(entry["resource"] for entry in bundle["entry"])]


def test_hash_seed_and_time_zone_do_not_show_in_the_bytes(tmp_path: Path) -> None:
    one = generate(tmp_path / "one", PYTHONHASHSEED="1", TZ="UTC")
    two = generate(tmp_path / "two", PYTHONHASHSEED="2", TZ="America/New_York")
    assert contents(one) == contents(two)


def test_another_seed_gives_other_values(tmp_path: Path) -> None:
    other = contents(generate(tmp_path / "other", "--seed", "7"))
    assert other["Observation.ndjson"] != (COHORT / "Observation.ndjson").read_bytes()
    assert other["Patient.ndjson"] == (COHORT / "Patient.ndjson").read_bytes()


def test_the_committed_cohort_is_what_the_generator_makes(tmp_path: Path) -> None:
    fresh = contents(generate(tmp_path / "fresh"))
    committed = contents(COHORT)
    assert sorted(fresh) == sorted(committed)
    assert [name for name in fresh if fresh[name] != committed[name]] == []


def test_the_committed_cohort_is_small() -> None:
    assert sum(len(raw) for raw in contents(COHORT).values()) < 6_000_000


def test_only_three_lines_cannot_be_read() -> None:
    unreadable: Counter[tuple[str, str]] = Counter()
    for path in COHORT.glob("*.ndjson*"):
        for line in lines(path):
            try:
                json.loads(line.decode())
            except UnicodeDecodeError:
                unreadable[path.name, "encoding"] += 1
            except json.JSONDecodeError:
                unreadable[path.name, "syntax"] += 1
    assert unreadable == {
        ("MedicationAdministration.ndjson", "syntax"): 1,
        ("Observation.ndjson", "encoding"): 1,
        ("Observation.ndjson", "syntax"): 1,
    }


def test_files_carry_the_faults_of_the_wire() -> None:
    raw = contents(COHORT)
    assert raw["Patient.ndjson"].startswith(b"\xef\xbb\xbf")
    assert raw["ResearchSubject.ndjson"].count(b"\r\n") == raw["ResearchSubject.ndjson"].count(b"\n") == 14
    assert b"\n\n" in raw["Encounter.ndjson"]
    assert not raw["MedicationAdministration.ndjson"].endswith(b"\n")
    assert raw["Specimen.ndjson.gz"][4:8] == bytes(4)  # no clock in the gzip header


def test_only_the_listed_resources_are_not_legal_r4(cohort: list[Resource]) -> None:
    refused = set()
    for row in cohort:
        kind = row["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        try:
            model.model_validate(row)
        except ValueError:
            refused.add(row.get("id"))
    assert refused == ILLEGAL


def is_lab(row: Resource) -> bool:
    return row["resourceType"] == "Observation" and row["category"][0]["coding"][0]["code"] == "laboratory"


def codings(row: Resource) -> list[Resource]:
    return row["code"].get("coding", [])


def has(row: Resource, text: str) -> bool:
    return text in json.dumps(row, ensure_ascii=False)


LAB_FEATURES: dict[str, tuple[int, Callable[[Resource], bool]]] = {
    "amended": (1, lambda r: r["status"] == "amended"),
    "corrected": (1, lambda r: r["status"] == "corrected"),
    "cancelled": (2, lambda r: r["status"] == "cancelled"),
    "entered in error": (1, lambda r: r["status"] == "entered-in-error"),
    "preliminary": (1, lambda r: r["status"] == "preliminary"),
    "registered": (1, lambda r: r["status"] == "registered"),
    "second version": (3, lambda r: r["meta"]["versionId"] == "2"),
    "exported twice": (1, lambda r: r.get("id", "").endswith("-DUP")),
    "local code only": (40, lambda r: len(codings(r)) == 1 and codings(r)[0]["system"] == LIS),
    "code without a map": (6, lambda r: any(c["code"] == "MY099" for c in codings(r))),
    "name only": (1, lambda r: not codings(r)),
    "panel with components": (5, lambda r: "component" in r),
    "component without value": (1, lambda r: any("dataAbsentReason" in c for c in r.get("component", []))),
    "panel with members": (11, lambda r: "hasMember" in r),
    "text value": (20, lambda r: "valueString" in r),
    "coded value": (8, lambda r: "valueCodeableConcept" in r),
    "titre": (5, lambda r: "valueRatio" in r),
    "integer": (1, lambda r: "valueInteger" in r),
    "boolean": (4, lambda r: "valueBoolean" in r),
    "range as value": (1, lambda r: "valueRange" in r),
    "full-width figures": (1, lambda r: r.get("valueString") == "＜０.１"),
    "full-width unit": (1, lambda r: r.get("valueQuantity", {}).get("unit") == "ｇ／Ｌ"),
    "comparator": (2, lambda r: "comparator" in r.get("valueQuantity", {})),
    "no unit": (1, lambda r: "valueQuantity" in r and len(r["valueQuantity"]) == 1),
    "unit as text only": (100, lambda r: "unit" in (q := r.get("valueQuantity", {})) and "code" not in q),
    "mg/dL": (40, lambda r: r.get("valueQuantity", {}).get("code") == "mg/dL"),
    "umol/L": (300, lambda r: r.get("valueQuantity", {}).get("code") == "umol/L"),
    "Greek mu": (200, lambda r: has(r, "\N{GREEK SMALL LETTER MU}mol/L")),
    "micro sign": (100, lambda r: has(r, "\N{MICRO SIGN}mol/L")),
    "ten to the tenth": (10, lambda r: has(r, "×10^10/L")),
    "per mille": (10, lambda r: has(r, "‰")),
    "range as text": (1, lambda r: r.get("referenceRange") == [{"text": "120~250"}]),
    "range by sex": (200, lambda r: any("appliesTo" in x for x in r.get("referenceRange", []))),
    "therapeutic range": (80, lambda r: has(r, '"code": "therapeutic"')),
    "critical": (20, lambda r: has(r, '"code": "LL"') or has(r, '"code": "HH"')),
    "rise": (1, lambda r: has(r, '"code": "U"')),
    "UTC": (1, lambda r: r.get("effectiveDateTime", "").endswith("Z")),
    "New York": (1, lambda r: r.get("effectiveDateTime", "").endswith("-05:00")),
    "day only": (1, lambda r: len(r.get("effectiveDateTime", "")) == len("2020-08-25")),
    "month only": (1, lambda r: len(r.get("effectiveDateTime", "")) == len("2020-08")),
    "no offset": (1, lambda r: len(r.get("effectiveDateTime", "")) == len("2020-08-25T07:40:00")),
    "period": (2, lambda r: "effectivePeriod" in r),
    "instant": (1, lambda r: "effectiveInstant" in r),
    "no time at all": (1, lambda r: not any(name.startswith("effective") for name in r)),
    "contained specimen": (1, lambda r: "contained" in r),
    "absolute reference": (1, lambda r: r["subject"].get("reference", "").startswith("https:")),
    "versioned reference": (1, lambda r: "_history" in r["subject"].get("reference", "")),
    "reference by identifier": (1, lambda r: "identifier" in r["subject"]),
    "reference by display": (1, lambda r: list(r["subject"]) == ["display"]),
    "reference by urn": (20, lambda r: r["subject"].get("reference", "").startswith("urn:uuid:")),
    "no id": (1, lambda r: "id" not in r),
    "merged patient's old record": (20, lambda r: r["subject"].get("reference") == "Patient/P911"),
}


@pytest.mark.parametrize("feature", LAB_FEATURES)
def test_the_laboratory_sends(feature: str, cohort: list[Resource]) -> None:
    least, shows = LAB_FEATURES[feature]
    assert sum(shows(row) for row in cohort if is_lab(row)) >= least


@pytest.mark.parametrize("text", ["98.0", "1.50", "1e2", "0.10"])
def test_numbers_are_sent_as_the_laboratory_wrote_them(text: str) -> None:
    assert f'"value":{text},'.encode() in (COHORT / "Observation.ndjson").read_bytes()


def kinds(cohort: list[Resource], kind: str) -> list[Resource]:
    return [row for row in cohort if row["resourceType"] == kind]


def test_thirteen_of_fourteen_people_are_in_the_study_and_one_was_screened_twice(
    cohort: list[Resource],
) -> None:
    people = {row["id"] for row in kinds(cohort, "Patient") if "link" not in row}
    taking_part = Counter(row["individual"]["reference"] for row in kinds(cohort, "ResearchSubject"))
    assert len(people) == 14
    assert len(taking_part) == 13
    assert {who for who, times in taking_part.items() if times > 1} == {"Patient/P010"}


def test_subjects_end_in_every_way(cohort: list[Resource]) -> None:
    status = Counter(row["status"] for row in kinds(cohort, "ResearchSubject"))
    assert status == {"off-study": 9, "ineligible": 2, "withdrawn": 2, "on-study": 1}
    assert [r["id"] for r in kinds(cohort, "Patient") if "deceasedDateTime" in r] == ["P007"]
    assert [r["id"] for r in kinds(cohort, "Patient") if r["birthDate"] == "1985"] == ["P008"]
    assert {r["id"] for r in kinds(cohort, "Patient") if r["gender"] == "other"} == {"P009"}


def test_nobody_is_seen_after_death(cohort: list[Resource]) -> None:
    died = next(r["deceasedDateTime"] for r in kinds(cohort, "Patient") if "deceasedDateTime" in r)
    seen = [
        r["period"]["start"]
        for r in kinds(cohort, "Encounter")
        if r["subject"]["reference"] == "Patient/P007"
    ]
    assert max(seen) < died


def test_doses_are_given_missed_changed_and_still_going_on(cohort: list[Resource]) -> None:
    rows = kinds(cohort, "MedicationAdministration")
    status = Counter(row["status"] for row in rows)
    assert {name: status[name] for name in ("not-done", "entered-in-error", "in-progress")} == {
        "not-done": 1,
        "entered-in-error": 1,
        "in-progress": 1,
    }
    assert sum("statusReason" in row for row in rows) >= 5
    assert sum("rateRatio" in row.get("dosage", {}) for row in rows) == 1
    assert sum("contained" in row for row in rows) >= 10
    texts = {row.get("medicationCodeableConcept", {}).get("text") for row in rows}
    assert {"雷帕鸣", "雷帕霉素", "sirolimus", "悬浮红细胞"} <= texts


def test_events_name_both_drugs(cohort: list[Resource]) -> None:
    rows = kinds(cohort, "AdverseEvent")
    assert all(len(row["suspectEntity"]) == 2 for row in rows)
    assert Counter(row["seriousness"]["coding"][0]["code"] for row in rows)["Serious"] == 2
    assert [row["id"] for row in rows if row["actuality"] == "potential"] == ["AE-002-9"]
    assert [row["id"] for row in rows if "modifierExtension" in row] == ["AE-003-9"]
    coded = [c for row in rows for c in row["event"].get("coding", [])]
    assert {c["display"].partition(" ")[0] for c in coded} == {"NOT-MEDDRA"}
    assert [row["id"] for row in rows if "coding" not in row["event"]] == ["AE-009-1", "AE-002-9"]


def test_answers_carry_no_wording(cohort: list[Resource]) -> None:
    forms = kinds(cohort, "QuestionnaireResponse")
    assert forms
    assert not [item for form in forms for item in form["item"] if set(item) - {"linkId", "answer"}]


def concept_rows(name: str) -> list[dict[str, str]]:
    with (CONCEPTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["lab.csv", "study-drug.csv"])
def test_a_local_code_is_mapped_once_and_text_is_in_the_form_it_is_compared_in(name: str) -> None:
    rows = concept_rows(name)
    assert [key for key, n in Counter((r["system"], r["code"]) for r in rows).items() if n > 1] == []
    texts = [row["code"] for row in rows if row["system"] == "text"]
    assert texts == [unicodedata.normalize("NFKC", text).lower().strip() for text in texts]


def test_every_local_code_is_mapped_except_the_one_meant_not_to_be(cohort: list[Resource]) -> None:
    known = {row["code"]: row["same_as"] for row in concept_rows("lab.csv") if row["system"] == LIS}
    parts = [part for row in cohort if is_lab(row) for part in (row, *row.get("component", []))]
    sent = {c["code"] for part in parts for c in codings(part) if c["system"] == LIS}
    assert sent - set(known) == UNMAPPED - {"RPT01"}
    for part in parts:
        loinc = [c["code"] for c in codings(part) if c["system"] == LOINC]
        local = [known[c["code"]] for c in codings(part) if c["code"] in known]
        assert not loinc or not local or loinc == local


def test_tacrolimus_is_no_study_drug() -> None:
    rows = concept_rows("study-drug.csv")
    assert {row["target"] for row in rows} == {"SIROLIMUS", "TRETINOIN"}
    assert not [row for row in rows if "他克莫司" in row["code"] + row["display"] or row["code"] == "L04AD02"]


def test_benchmark_volumes_hold_the_number_asked_for(tmp_path: Path) -> None:
    folder = generate(tmp_path / "bulk", "--observations", "2000", "--malformed", "3")
    sent = lines(folder / "Observation.ndjson")
    rows = list(decoded(folder / "Observation.ndjson"))
    people = {row["id"] for row in decoded(folder / "Patient.ndjson")}
    assert (len(sent), len(rows)) == (2003, 2000)
    assert len({row["id"] for row in rows}) == 2000
    assert {row["subject"]["reference"].removeprefix("Patient/") for row in rows} == people
    assert 1_200 < sum(map(len, sent)) / len(sent) < 1_600
    qualitative = sum("valueQuantity" not in row for row in rows) / len(rows)
    assert 0.05 < qualitative < 0.09
    assert {row["status"] for row in rows} == {"final"}


def test_distinct_results_share_no_element(tmp_path):
    folder = generate(tmp_path / "distinct", "--observations", "500", "--distinct")
    lines = (folder / "Observation.ndjson").read_text(encoding="utf-8").splitlines()
    results = [json.loads(line, parse_float=str) for line in lines]
    for name in ("code", "subject", "effectiveDateTime", "valueQuantity", "referenceRange"):
        elements = [json.dumps(row[name]) for row in results if name in row]
        assert len(elements) > 300
        assert len(set(elements)) == len(elements)
