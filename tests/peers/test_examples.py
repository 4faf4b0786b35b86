"""All examples of HL7's FHIR R4, as JSON and as the XML that HL7's own serializer makes of them."""

from collections import Counter
from pathlib import Path

import pytest
from peers.twins import compare, resources_in, said

from interop.fhir.json import Decoder
from interop.fhir.read import read
from interop.fhir.source import Source, open_source
from interop.issues import Issues
from interop.mapping.sidecars import write_result
from interop.mapping.to_sdtm import Result
from interop.study import Study

FORMS = ("examples", "twins")
HL7_DIFFERS = {
    "observation-decimal.xml": "HL7's parser writes 1.0e0 as 1.0",
    "list-xhtml-wrongns2.xml": "HL7's parser takes elements of any namespace into the narrative",
    "patient-extension-bad2.xml": "HL7's parser leaves out an empty url",
    "primitive-good-ws.xml": "HL7's parser leaves out a text of blanks",
}


def read_all(source: Source) -> tuple[Counter[str], list[str]]:
    """How many resources of each type, and the reasons of what could not be read."""
    decoder, types, reasons = Decoder(), Counter[str](), []
    for part in source.parts():
        for chunk in read(part, decoder=decoder):
            types.update(resource.resourceType for resource in chunk.resources)
            reasons += [bad.reason for bad in chunk.unreadable]
    return types, reasons


@pytest.fixture(scope="module")
def results(peers: Path) -> dict[str, Result]:
    study = Study.load()
    return {form: study.to_sdtm(peers / form, enrol_all=True) for form in FORMS}


def test_every_example_is_read_as_json_and_as_xml(peers):
    json, unread = read_all(open_source(peers / "examples"))
    assert json.total() + len(unread) == resources_in(peers / "examples") > 18_000
    assert set(unread) == {"nested bundle"}  # what a batch of searches gives; each can be sent alone
    assert read_all(open_source(peers / "twins")) == (json, unread)


def test_every_example_says_the_same_in_both_forms(peers):
    files = sorted((peers / "examples").glob("*.json"))
    wrong = {file.name: compare(file, peers / "twins" / f"{file.name}.xml") for file in files}
    assert {name: paths for name, paths in wrong.items() if paths} == {}
    assert len(files) > 5_000


def test_both_forms_become_the_same_datasets(results):
    json, xml = results.values()
    assert {name: len(dataset) for name, dataset in json.datasets.items()}["DM"] > 50
    for name, dataset in json.datasets.items():
        assert (name, dataset.frame.equals(xml.datasets[name].frame)) == (name, True)


def test_both_forms_have_the_same_ledger_and_it_adds_up(results):
    json, xml = (result.ledger for result in results.values())
    assert json.adds_up
    assert xml.adds_up
    assert (json.read, json.dispositions, json.reasons) == (xml.read, xml.dispositions, xml.reasons)


def rules(issues: Issues) -> Counter[tuple[str, str | None]]:
    counts: Counter[tuple[str, str | None]] = Counter()
    for issue in issues:
        counts[issue.rule, issue.where.resource] += issue.count
    return counts


def test_both_forms_have_the_same_issues(results):
    json, xml = (rules(result.issues) for result in results.values())
    assert json == xml


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_can_be_written(results, tmp_path, form):
    assert write_result(results[form], tmp_path / "sdtm")
    assert open_source(tmp_path / "sdtm" / "_interop" / "quarantine.ndjson").files


def test_no_xml_of_the_hl7_test_cases_breaks_the_reader(peers):
    """FHIR of all versions, much of it wrong on purpose, and other XML."""
    files = sorted((peers / "cases").rglob("*.xml"))
    types, reasons = Counter[str](), Counter[str]()
    for file in files:
        found, bad = read_all(open_source(file))
        types += found
        reasons.update(bad)
    assert len(files) > 600
    assert types.total() > 500
    known = {"not fhir xml", "invalid xml", "doctype", "invalid utf-8", "nested bundle"}
    assert reasons.keys() == known


def test_what_hl7_reads_of_its_xml_test_cases_is_what_we_read(peers):
    """The XML of people, where it breaks no rule of the reader, against the JSON that HL7's parser makes."""
    files = {file: f"{file.relative_to(peers / 'cases')}.json" for file in (peers / "cases").rglob("*.xml")}
    both = {file: peers / "made" / name for file, name in files.items() if (peers / "made" / name).exists()}
    sound = {file: json for file, json in both.items() if not said(file)[1]}
    wrong = {file.name for file, json in sound.items() if compare(json, file)}
    assert wrong == HL7_DIFFERS.keys()
    assert len(sound) > 450
