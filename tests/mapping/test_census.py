from interop import Study, open_source
from interop.fhir.json import parse
from interop.fhir.view import View
from interop.mapping.census import census, declared

PATIENT = View.load(
    {
        "resource": "Patient",
        "select": [
            {
                "column": [
                    {"name": "born", "path": "birthDate"},
                    {"name": "hour", "path": "birthDate.extension('urn:hour').value.ofType(dateTime)"},
                    {"name": "dead", "path": "deceased.ofType(boolean)"},
                    {"name": "mrn", "path": "identifier.where(system='urn:mrn').value"},
                    {"name": "clinic", "path": "managingOrganization.getReferenceKey(Organization)"},
                ]
            },
            {"forEach": "contact", "column": [{"name": "kin", "path": "relationship.text"}]},
        ],
    }
)
RESOURCES = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "meta": {"versionId": "1", "profile": ["urn:p"]},
        "birthDate": "1980-01-01",
        "_birthDate": {"extension": [{"url": "urn:hour", "valueDateTime": "1980-01-01T05:00:00Z"}]},
        "deceasedDateTime": "2020",
        "identifier": [{"system": "urn:mrn", "value": "1", "use": "usual"}],
        "managingOrganization": {"reference": "#o", "display": "Clinic"},
        "contact": [{"relationship": [{"text": "mother"}], "gender": "female"}, {"gender": "male"}],
        "name": [{"family": "X"}],
        "_name": [{"id": "n"}],
        "contained": [{"resourceType": "Organization", "id": "o"}],
    },
    {
        "resourceType": "Patient",
        "id": "p2",
        "_birthDate": {"extension": [{"url": "urn:why", "valueString": "unknown"}]},
        "name": [{"family": "Y"}],
    },
    {"resourceType": "Encounter", "id": "e1", "status": "finished"},
]


def test_what_no_view_reads_is_counted_by_path_in_resources():
    assert census(open_source(RESOURCES), [PATIENT]) == {
        "Encounter": 1,
        "Organization": 1,
        "Patient.birthDate.extension('urn:why')": 1,
        "Patient.contact.gender": 1,
        "Patient.deceasedDateTime": 1,
        "Patient.identifier.use": 1,
        "Patient.managingOrganization.display": 1,
        "Patient.meta.profile": 1,
        "Patient.name": 2,
    }


def test_a_declared_loss_stands_beside_what_it_explains():
    paths = {"Patient.name": 2, "Patient.name.period": 1, "Patient.nameless": 1}
    assert declared(paths, [{"path": "Patient.name", "why": "direct identifier"}]) == {
        "Patient.name": {"resources": 2, "why": "direct identifier"},
        "Patient.name.period": {"resources": 1, "why": "direct identifier"},
        "Patient.nameless": {"resources": 1},
    }


def test_the_ledger_has_the_census_when_asked_for():
    study = Study.load("NCT04324411")
    resources = [{"resourceType": "Patient", "id": "p1", "name": [{"family": "X"}]}]
    assert study.to_sdtm(resources).ledger.elements == {}
    assert study.to_sdtm(resources, census=None).ledger.elements == {
        "Patient.name": {"resources": 1, "why": "direct identifier"}
    }


def test_a_number_beyond_any_float_does_not_stop_the_count():
    raw = b'{"resourceType":"Patient","id":"p1","multipleBirthInteger":1e400}'
    assert census(open_source([parse(raw)]), [PATIENT]) == {"Patient.multipleBirthInteger": 1}
