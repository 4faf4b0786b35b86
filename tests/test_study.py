"""`Study`: the one-screen story, and what it answers before anything is converted."""

import csv
from pathlib import Path

import pytest

from interop.cdisc.formats import write
from interop.errors import SourceError, StudyError
from interop.study import Study

NCT = "NCT04324411"


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.load(NCT)


def test_a_study_shows_itself(study: Study) -> None:
    assert repr(study) == f"<Study {NCT}: DM, EC, EX, LB, AE>"
    assert study.id == NCT
    assert list(study.mappings) == ["DM", "EC", "EX", "LB", "AE"]
    assert study.settings["country"] == "CHN"


def test_a_built_in_study_and_its_folder_are_the_same(study: Study) -> None:
    own = Study.load(study.home)
    assert (own.id, own.plan.steps) == (study.id, study.plan.steps)


def test_settings_stay_text(study: Study) -> None:
    assert study.settings["standard"] == {"sdtmig": "3.4", "ct": "2024-03-29"}


@pytest.mark.parametrize("name", ["NCT00000000", "", "../studies"])
def test_a_study_that_is_not_there_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=f"known: .*{NCT}"):
        Study.load(tmp_path / name)


def test_a_source_that_is_not_there_is_told(study: Study, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        study.to_sdtm(tmp_path / "nowhere")


def test_every_dataset_has_the_columns_of_its_domain_in_order(study: Study) -> None:
    result = study.to_sdtm([{"resourceType": "Patient", "id": "p", "gender": "male"}], enrol_all=True)
    for name, dataset in result.datasets.items():
        standard = list(study.plan.standard.dataset(name).variables)
        names = [variable.name for variable in standard]
        assert [column for column in names if column in dataset.frame.columns] == list(dataset.frame.columns)
        assert set(study.mappings[name].variables) <= set(names)


def test_the_data_survive_as_csv_with_text_numbers(study: Study, tmp_path: Path) -> None:
    result = study.to_sdtm([{"resourceType": "Patient", "id": "p", "birthDate": "1968"}], enrol_all=True)
    write(result.datasets, tmp_path, formats=["csv"])
    with (tmp_path / "csv" / "dm.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["BRTHDTC"], row["AGE"], row["USUBJID"]) == ("1968", "", f"{NCT}-PUMCH-0001")


def test_a_permissible_variable_without_a_value_is_no_column() -> None:
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female"}
    dm = Study.load().to_sdtm([patient], enrol_all=True).datasets["DM"]
    assert "ETHNIC" not in dm  # Perm
    assert dm["RACE"].to_list() == [None]  # Exp
