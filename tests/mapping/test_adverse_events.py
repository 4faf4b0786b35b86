"""The way back of adverse events: what R4 and its research guide can say, in their own elements."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from interop.cdisc.dataset import Dataset
from interop.fhir.template import encode
from interop.study import Study

NCI = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
GUIDE = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition"


def written(study: Study, qualifiers: dict[str, str], **values: str) -> dict[str, Any]:
    """The AdverseEvent of one record, with what is in SUPPAE."""
    standard = study.plan.standard
    key = {"STUDYID": "NCT04324411", "USUBJID": "NCT04324411-PUMCH-001"}
    dm = pl.DataFrame([{**key, "DOMAIN": "DM", "SUBJID": "001", "SITEID": "PUMCH"}])
    ae = pl.DataFrame(
        [{**key, "DOMAIN": "AE", "AESEQ": 1.0, "AETERM": "Rash", "AEDECOD": "UNCODED", **values}]
    )
    supp = {"RDOMAIN": "AE", "IDVAR": "AESEQ", "IDVARVAL": "1"}
    extra = [{**key, **supp, "QNAM": name, "QVAL": value} for name, value in qualifiers.items()]
    datasets = {"DM": Dataset(standard["DM"], dm), "AE": Dataset(standard["AE"], ae)}
    if extra:
        datasets["SUPPAE"] = Dataset(standard["SUPPAE"], pl.DataFrame(extra))
    back = study.to_fhir(datasets)
    (event,) = back.resources["AdverseEvent"]
    assert encode(event)
    return dict(event)


def extensions(event: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in event["extension"] if one["url"] == f"{GUIDE}/{name}"]


def test_a_criterion_of_seriousness_is_an_extension_for_y_and_n_and_none_for_null(study: Study) -> None:
    """C111: R4 has no element for it."""
    event = written(study, {}, AESER="Y", AESHOSP="Y", AESLIFE="N")
    said = {}
    for one in extensions(event, "seriousness-criteria"):
        parts = {part["url"]: part for part in one["extension"]}
        (coding,) = parts["criterionCode"]["valueCodeableConcept"]["coding"]
        said[coding["system"], coding["code"]] = parts["criterionPresent"]["valueBoolean"]
    assert said == {(NCI, "C83052"): True, (NCI, "C84266"): False}
    (seriousness,) = event["seriousness"]["coding"]
    assert seriousness["code"] == "Serious"


def test_each_study_drug_is_a_suspect_of_its_own(study: Study) -> None:
    event = written(study, {"AERELSIR": "RELATED", "AERELATR": "PERHAPS"}, AEREL="RELATED")
    names = {f"#{one['id']}": one["code"]["text"] for one in event["contained"]}
    said = {names[one["instance"]["reference"]]: one["causality"] for one in event["suspectEntity"]}
    assessed = {"coding": [{"system": NCI, "code": "C53260"}]}
    assert said == {
        "SIROLIMUS": [{"assessment": assessed, "productRelatedness": "RELATED"}],
        "TRETINOIN": [{"productRelatedness": "PERHAPS"}],
    }


def test_an_action_names_the_drug_that_it_was_taken_with(study: Study) -> None:
    event = written(study, {"AEACNATR": "DRUG WITHDRAWN"}, AEACN="DRUG WITHDRAWN")
    (action,) = extensions(event, "mitigating-action")
    (contained,) = event["contained"]
    assert contained["code"] == {"text": "TRETINOIN"}
    assert action["extension"] == [
        {"url": "item", "valueReference": {"reference": f"#{contained['id']}"}},
        {"url": "action", "valueCodeableConcept": {"coding": [{"system": NCI, "code": "C49502"}]}},
    ]


OUTCOMES = {
    "RECOVERED/RESOLVED": "resolved",
    "RECOVERING/RESOLVING": "recovering",
    "NOT RECOVERED/NOT RESOLVED": "ongoing",
    "RECOVERED/RESOLVED WITH SEQUELAE": "resolvedWithSequelae",
    "FATAL": "fatal",
    "UNKNOWN": "unknown",
}


@pytest.mark.parametrize(("term", "code"), OUTCOMES.items())
def test_an_outcome_is_written_with_the_code_that_r4_requires(study: Study, term: str, code: str) -> None:
    """The guide's examples have NCI codes there: they are read and never written."""
    system = "http://terminology.hl7.org/CodeSystem/adverse-event-outcome"
    assert written(study, {}, AEOUT=term)["outcome"] == {"coding": [{"system": system, "code": code}]}


def test_what_is_not_coded_is_no_coding_of_a_dictionary(study: Study) -> None:
    event = written(study, {})
    assert event["event"] == {"text": "Rash"}


KEPT = ("actuality", "event", "date", "severity", "seriousness", "outcome")
GUIDE_KEPT = ("ae-grade", "resolve-date", "seriousness-criteria")


def test_what_the_sample_sent_returns_in_its_own_elements(study: Study, root: Path) -> None:
    """GetPut on the elements that R4 and its guide have for a variable."""
    file = root / "samples/pumch/fhir/AdverseEvent.ndjson"
    sent = {
        one["id"]: one for line in file.read_text(encoding="utf-8").splitlines() if (one := json.loads(line))
    }
    back = study.to_fhir(study.to_sdtm(root / "samples/pumch/fhir").datasets)
    found = [json.loads(encode(event)) for event in back.resources["AdverseEvent"]]
    assert len(found) == 13
    for event in found:
        assert codes(event) == codes(sent[event["id"]])


def codes(event: dict[str, Any]) -> dict[str, Any]:
    """What an event says, without displays of codes and people's numbers."""
    found = {name: plain(event.get(name)) for name in KEPT}
    for name in GUIDE_KEPT:
        found[name] = [plain({**one, "text": None}) for one in extensions(event, name)]
    found["date"] = event["date"]
    found["causality"] = sorted(
        coding["code"]
        for one in event["suspectEntity"]
        for coding in one["causality"][0]["assessment"]["coding"]
    )
    return found


def plain(value: Any) -> Any:
    """A value without displays, and without the text beside a code of the guide's extensions or our own."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    left_out = {"display", "extension"} if "code" in value else {"text"} if "coding" in value else set()
    return {name: plain(one) for name, one in value.items() if name not in left_out}
