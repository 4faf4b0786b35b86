import interop


def test_the_public_names_are_these_and_no_others():
    assert interop.__all__ == [
        "Dataset",
        "InteropError",
        "Issue",
        "Issues",
        "Location",
        "MappingError",
        "OutputError",
        "Result",
        "Severity",
        "Source",
        "SourceError",
        "SpecError",
        "Study",
        "StudyError",
        "open_source",
        "write_result",
    ]
    assert all(hasattr(interop, name) for name in interop.__all__)


def test_resources_in_memory_become_a_data_frame():
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-05"}
    result = interop.Study.load("NCT04324411").to_sdtm(interop.open_source([patient]), enrol_all=True)
    frame = result.datasets["DM"].to_pandas()
    assert frame[["USUBJID", "BRTHDTC", "SEX"]].values.tolist() == [
        ["NCT04324411-PUMCH-0001", "1980-05", "F"]
    ]
    assert frame.attrs["labels"]["SEX"] == "Sex"


def test_a_result_comes_back_as_fhir():
    study = interop.Study.load("NCT04324411")
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-05"}
    back = study.to_fhir(study.to_sdtm([patient], enrol_all=True).datasets)
    assert [one["gender"] for one in back if one["resourceType"] == "Patient"] == ["female"]
