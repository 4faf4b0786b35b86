"""Codings of adverse events against a study's dictionary; terms and codes are invented, none is MedDRA's."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from interop.errors import StudyError
from interop.knowledge import folder
from interop.study import Study

LLT = """90000021$Invented pyrexia$90000021$$$$$$$Y$$
90000022$Invented fever$90000021$$$$$$$Y$$
90000023$Invented fever nos$90000021$$$$$$$N$$
90000031$Invented cough$90000031$$$$$$$Y$$
"""
HIERARCHY = """\
90000021$90001$900011$9000111$Invented pyrexia$Invented heat$Invented body$Invented general$G$$9000111$Y$
90000031$90003$900013$9000113$Invented cough$Invented coughs$Invented airways$Invented chest$R$$9000113$Y$
"""
MEDDRA = "https://www.meddra.org"
FEVER, PYREXIA, OLD, COUGH = "90000022", "90000021", "90000023", "90000031"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in study, with a dictionary in its folder."""
    place = tmp_path_factory.mktemp("study")
    built_in = folder("mappings") / "studies" / "NCT04324411"
    shutil.copytree(built_in / "concepts", place / "concepts")
    text = (built_in / "study.yaml").read_text(encoding="utf-8")
    (place / "study.yaml").write_text(f"{text}dictionaries: {{meddra: dictionary}}\n", encoding="utf-8")
    (place / "dictionary").mkdir()
    for name, content in {"llt": LLT, "mdhier": HIERARCHY, "meddra_release": "99.1$English$$$$\n"}.items():
        (place / "dictionary" / f"{name}.asc").write_text(content, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def coded(home: Path) -> Study:
    return Study.load(home)


def resources(*codings: dict[str, str]) -> list[dict[str, object]]:
    study = {"identifier": {"value": "NCT04324411"}}
    subjid = {"system": "https://fhir-sdtm-interop.org/fhir/sid/subjid", "value": "001"}
    return [
        {"resourceType": "Patient", "id": "p1"},
        {
            "resourceType": "ResearchSubject",
            "id": "rs1",
            "status": "on-study",
            "identifier": [subjid],
            "study": study,
            "individual": {"reference": "Patient/p1"},
        },
        {
            "resourceType": "AdverseEvent",
            "id": "ae1",
            "actuality": "actual",
            "subject": {"reference": "Patient/p1"},
            "date": "2020-05-20",
            "event": {"text": "Invented fever", "coding": [{"system": MEDDRA, **c} for c in codings]},
        },
    ]


def row(study: Study, *codings: dict[str, str]) -> tuple[dict[str, object], list[str]]:
    """The record of one event, and the rules that it broke."""
    result = study.to_sdtm(resources(*codings))
    return result.datasets["AE"].frame.to_dicts()[0], sorted(
        i.rule for i in result.issues if i.where.variable in ("AEDECOD", "AELLT")
    )


LEVELS = {
    "AELLT": "Invented fever",
    "AELLTCD": 90000022,
    "AEDECOD": "Invented pyrexia",
    "AEPTCD": 90000021,
    "AEHLT": "Invented heat",
    "AEHLTCD": 90001,
    "AEHLGT": "Invented body",
    "AEHLGTCD": 900011,
    "AEBODSYS": "Invented general",
    "AEBDSYCD": 9000111,
    "AESOC": "Invented general",
    "AESOCCD": 9000111,
}


def test_a_lowest_level_term_gives_all_levels_by_the_primary_path(coded: Study) -> None:
    found, rules = row(coded, {"code": FEVER, "display": "Invented fever"})
    assert ({name: found[name] for name in LEVELS}, rules) == (LEVELS, [])


def test_of_a_preferred_and_a_lowest_level_term_the_lowest_counts(coded: Study) -> None:
    assert row(coded, {"code": PYREXIA}, {"code": FEVER})[0]["AELLT"] == "Invented fever"


@pytest.mark.parametrize(
    ("codings", "decod", "rules"),
    [
        ([{"code": FEVER, "display": "Rash"}], "Invented pyrexia", ["MAP-TERM-003"]),
        ([{"code": FEVER, "display": "INVENTED FEVER"}], "Invented pyrexia", []),
        ([{"code": OLD}], "Invented pyrexia", ["MAP-TERM-004"]),
        ([{"code": "90009999", "display": "Invented pyrexia"}], "UNCODED", ["MAP-TERM-001", "MAP-TERM-005"]),
        ([{"display": "Invented pyrexia"}], "UNCODED", ["MAP-TERM-001", "MAP-TERM-005"]),
        ([{"code": FEVER}, {"code": COUGH}], "UNCODED", ["MAP-TERM-001", "MAP-TERM-006"]),
        ([{"code": FEVER}, {"code": "90009999"}], "Invented pyrexia", []),
        ([], "UNCODED", ["MAP-TERM-001"]),
    ],
    ids=["another name", "another case", "old", "unknown", "name alone", "two terms", "one known", "none"],
)
def test_a_coding_is_held_against_the_dictionary(
    coded: Study, codings: list[dict[str, str]], decod: str, rules: list[str]
) -> None:
    found, broken = row(coded, *codings)
    assert (found["AEDECOD"], broken) == (decod, rules)


def test_a_reported_term_that_is_a_name_of_the_dictionary_is_no_coding(coded: Study) -> None:
    found, _ = row(coded)
    assert (found["AETERM"], found["AEDECOD"], found["AEPTCD"]) == ("Invented fever", "UNCODED", None)


def test_the_release_is_told_and_nothing_else_of_the_dictionary(coded: Study) -> None:
    issues = list(coded.to_sdtm(resources({"code": FEVER, "display": "Rash"})).issues)
    assert [(i.rule, i.value) for i in issues if i.rule == "MAP-TERM-007"] == [
        ("MAP-TERM-007", "99.1 English")
    ]
    assert not [i for i in issues if "Invented" in f"{i.message} {i.value}"]


def test_all_levels_return_from_fhir_without_the_dictionary(coded: Study, study: Study) -> None:
    """Class E: the way back reads the datasets alone, and the way there again needs no dictionary."""
    sent = coded.to_sdtm(resources({"code": FEVER}))
    back = study.to_fhir(sent.datasets)
    again = study.to_sdtm(list(back))
    own = [name for name in sent.datasets["AE"].frame.columns if name in LEVELS]
    assert again.datasets["AE"].frame.select(own).equals(sent.datasets["AE"].frame.select(own))
    assert again.datasets["AE"].frame.select(pl.col(own).null_count()).row(0) == (0,) * len(LEVELS)
    (event,) = back.resources["AdverseEvent"]
    assert [(c["system"], c["code"]) for c in event["event"]["coding"]] == [
        (MEDDRA, FEVER),
        (MEDDRA, PYREXIA),
    ]
    assert "MAP-TERM-002" not in {issue.rule for issue in again.issues}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere", r"study\.yaml:\d+  meddra: no llt\.asc in the folder nowhere"),
        ("concepts", r"study\.yaml:\d+  meddra: no llt\.asc in the folder concepts"),
    ],
)
def test_a_folder_without_the_files_is_told_by_its_line(
    home: Path, tmp_path: Path, place: str, said: str
) -> None:
    shutil.copytree(home, tmp_path / "own")
    file = tmp_path / "own" / "study.yaml"
    text = file.read_text(encoding="utf-8").replace("meddra: dictionary", f"meddra: {place}")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=said):
        Study.load(tmp_path / "own")
