"""Resource keys, versions and references (golden cases C035, C036, C044-C048, C052)."""

import polars as pl
import pytest

from interop.fhir.identity import Bases, anonymous_keys, expand_contained, own_bases, resource_keys
from interop.fhir.json import dump
from interop.fhir.references import INDEX, REASONS, References, identifier_rows, replacements
from interop.fhir.versions import current_versions, digest

HIS = Bases(("https://his",))


def table(text):
    """A table of bars as a frame of text; an empty cell is null."""
    rows = [[cell.strip() or None for cell in line.split("|")] for line in text.strip().splitlines()]
    return pl.DataFrame(rows[1:], schema=dict.fromkeys(rows[0], pl.String), orient="row")


def index(text):
    return table(text).select(key="key", full_url="full_url")


SOURCE = index("""
    key                    | full_url
    Patient/12             | https://his/Patient/12
    Patient/13             |
    https://lab/Patient/12 | https://lab/Patient/12
    Patient/u1             | urn:uuid:0001
    Specimen/a             | urn:uuid:same
    Specimen/b             | urn:uuid:same
    Basic/1                |
    Basic/1#spec           |
""")
IDENTIFIERS = table("""
    type         | system  | value | key
    Patient      | urn:mrn | 700   | Patient/12
    Patient      | urn:mrn | 701   | Patient/13
    Patient      | urn:mrn | 702   | Patient/12
    Patient      | urn:mrn | 702   | Patient/13
    Patient      |         | 703   | Patient/13
    Organization | urn:mrn | 700   | Organization/1
""").select("type", "system", "value", "key")
EXPECTED = """
    text                              | owner               | key                      | reason
    Patient/12                        | Basic/1             | Patient/12               |
    Patient/12/_history/3             | Basic/1             | Patient/12               |
    https://his/Patient/12            | Basic/1             | Patient/12               |
    https://his/Patient/12/_history/3 | Basic/1             | Patient/12               |
    https://his/Patient/13            | Basic/1             | Patient/13               |
    https://lab/Patient/12            | Basic/1             | https://lab/Patient/12   |
    Patient/12                        | https://lab/Basic/9 | https://lab/Patient/12   |
    https://his/x/Patient/12          | Basic/1             | https://his/x/Patient/12 | not in source
    Patient/99                        | Basic/1             | Patient/99               | not in source
    urn:uuid:0001                     | Basic/1             | Patient/u1               |
    urn:uuid:0002                     | Basic/1             |                          | unresolved urn
    urn:uuid:same                     | Basic/1             |                          | ambiguous urn
    #spec                             | Basic/1             | Basic/1#spec             |
    #spec                             | Basic/2             | Basic/2#spec             | unresolved contained
    #spec                             | Basic/1#other       | Basic/1#spec             |
    #                                 | Basic/1#spec        | Basic/1                  |
    Basic/1#spec                      | Basic/2             | Basic/1#spec             |
    Patient?identifier=urn:mrn~700    | Basic/1             | Patient/12               |
    ?identifier=urn:mrn~701           | Basic/1             | Patient/13               |
    ?identifier=urn:mrn~700           | Basic/1             |                          | ambiguous identifier
    Patient?identifier=urn:mrn~702    | Basic/1             |                          | ambiguous identifier
    Patient?identifier=urn:mrn~9      | Basic/1             |                          | unresolved identifier
    Patient?identifier=urn:other~700  | Basic/1             |                          | unresolved identifier
    Patient?identifier=~703           | Basic/1             | Patient/13               |
    Patient?identifier=~701           | Basic/1             |                          | unresolved identifier
    Patient?identifier=701            | Basic/1             | Patient/13               |
                                      | Basic/1             |                          |
"""


@pytest.mark.parametrize(
    "row", table(EXPECTED).to_dicts(), ids=lambda row: f"{row['text']} in {row['owner']}"
)
def test_c044_to_c048_a_reference_of_every_form_has_a_key_or_a_reason(row):
    references = References.build(SOURCE, identifiers=IDENTIFIERS, bases=HIS)
    text = row["text"].replace("~", "|") if row["text"] else None
    found = references.resolve(pl.Series([text], dtype=pl.String), pl.Series([row["owner"]]))
    assert found.to_dicts() == [{"key": row["key"], "reason": row["reason"]}]


def test_many_references_come_back_in_the_order_they_were_asked_in():
    rows = table(EXPECTED).with_columns(pl.col("text").str.replace_all("~", "|", literal=True))
    asked = pl.concat([rows, rows.reverse()])
    references = References.build(SOURCE, identifiers=IDENTIFIERS, bases=HIS)
    found = references.resolve(asked["text"], asked["owner"])
    assert found.equals(asked.select("key", "reason"))
    assert set(found["reason"].drop_nulls()) == set(REASONS)


def test_c052_replaced_patients_lead_to_the_one_that_survives():
    source = index("""
        key        | full_url
        Patient/1  |
        Patient/2  | urn:uuid:two
        Patient/3  |
        Patient/c1 |
        Patient/c2 |
        Patient/f  |
    """)
    links = table("""
        key        | text
        Patient/1  | Patient/2
        Patient/2  | https://his/Patient/3
        Patient/c1 | Patient/c2
        Patient/c2 | Patient/c1
        Patient/f  | Patient/2
        Patient/f  | Patient/c1
    """)
    links = links.with_columns(replaces=pl.col("text") == "https://his/Patient/3")
    links = links.with_columns(
        key=pl.when("replaces").then(pl.lit("Patient/3")).otherwise("key"),
        text=pl.when("replaces").then("key").otherwise("text"),
    )
    known = table("""
        type    | system  | value | key
        Patient | urn:mrn | 700   | Patient/1
        Patient | urn:mrn | 700   | Patient/3
    """)
    references = References.build(source, identifiers=known, links=links, bases=HIS)
    texts = [
        "Patient/1",
        "urn:uuid:two",
        "Patient/3",
        "Patient?identifier=urn:mrn|700",
        "Patient/c1",
        "Patient/f",
    ]
    found = references.resolve(pl.Series(texts), pl.Series(["Observation/1"] * len(texts)))
    assert found["key"].to_list() == ["Patient/3"] * 4 + ["Patient/c1", "Patient/f"]
    assert found["reason"].null_count() == len(texts)
    assert references.unfollowed == ("Patient/c1", "Patient/c2", "Patient/f")
    assert references.survivors(pl.Series(["Patient/1", "Patient/c1"])).to_list() == [
        "Patient/3",
        "Patient/c1",
    ]


def test_identifiers_and_links_are_read_from_the_bytes_of_their_elements():
    identifier = b'[{"system":"urn:mrn","value":"700"},{"value":"7"},{"system":"urn:mrn"},{"value":7},"x"]'
    link = b'[{"other":{"reference":"Patient/2"},"type":"replaced-by"},{"other":{},"type":"seealso"}]'
    by_identifier = b'[{"other":{"identifier":{"value":"7"}},"type":"replaces"}]'
    assert identifier_rows(["Patient", "Patient"], ["Patient/1", "Patient/2"], [identifier, b""]).rows() == [
        ("Patient", "urn:mrn", "700", "Patient/1"),
        ("Patient", None, "7", "Patient/1"),
    ]
    assert replacements(["Patient/1", "Patient/3", "Patient/4"], [link, by_identifier, b""]).rows() == [
        ("Patient/1", "Patient/2", False),
        ("Patient/3", "Patient?identifier=|7", True),
    ]


@pytest.mark.parametrize(
    ("configured", "full_urls", "bases"),
    [
        (["https://his/"], ["https://lab/Patient/1"], ["https://his"]),
        (
            [],
            ["https://lab/Patient/1", "https://lab/Observation/2/_history/1", None],
            ["https://lab"],
        ),
        ([], ["https://lab/Patient/1", "https://his/Patient/1"], []),
        ([], ["urn:uuid:1", None], []),
    ],
)
def test_the_only_base_of_a_source_is_ours_when_none_is_configured(configured, full_urls, bases):
    assert own_bases(configured, pl.Series(full_urls, dtype=pl.String)) == Bases(tuple(bases))


def test_c046_the_same_id_on_another_server_is_another_key():
    resources = table("""
        type    | id | full_url                               | anonymous       | expected
        Patient | 12 |                                        |                 | Patient/12
        Patient | 12 | https://his/Patient/12            |                 | Patient/12
        Patient | 12 | https://his/Patient/12/_history/3 |                 | Patient/12
        Patient | 12 | https://lab/Patient/12            |                 | https://lab/Patient/12
        Patient | 12 | https://lab/Patient/12/_history/3 |                 | https://lab/Patient/12
        Patient | 12 | https://lab/Patient/other         |                 | Patient/12
        Patient | 12 | urn:uuid:0001                          |                 | Patient/12
        Patient |    | https://his/Patient/13            |                 | Patient/13
        Patient |    | https://lab/Patient/13            |                 | https://lab/Patient/13
        Patient |    | urn:uuid:0002                          | Patient/00ff    | Patient/00ff
    """)
    assert resource_keys(resources, bases=HIS).to_list() == resources["expected"].to_list()


def test_c045_a_resource_without_id_has_a_key_of_its_identifier_or_its_content():
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:mrn", "value": "700"}],
        "gender": "male",
    }
    later = {"meta": {"lastUpdated": "2020-05-11T00:00:00Z"}, **dict(reversed(patient.items()))}
    results = [
        {
            "resourceType": "Observation",
            "identifier": [{"system": "urn:acc", "value": "A1"}],
            "valueInteger": n,
        }
        for n in (1, 2)
    ]
    plain = {"resourceType": "Observation", "valueInteger": 1}
    sent = [patient, later, *results, plain, {**plain, "valueInteger": 2}]
    keys = anonymous_keys([one["resourceType"] for one in sent], [dump(one) for one in sent])
    assert keys[0] == keys[1] != anonymous_keys(["Patient"], [dump({**patient, "identifier": []})])[0]
    assert len(set(keys[2:])) == 4
    assert keys[0].startswith("Patient/")
    assert len(keys[0]) == len("Patient/") + 32


def test_c044_contained_resources_become_resources_of_their_own():
    contained = (
        b'[{"resourceType":"Specimen","id":"s","collection":{"x":1.50}},{"resourceType":"Medication"},7]'
    )
    found, lacking = expand_contained(
        ["Observation/1", "Observation/2", "Observation/3"], [contained, b"", b"{}"]
    )
    assert [(one.key, one.type, one.raw) for one in found] == [
        ("Observation/1#s", "Specimen", b'{"resourceType":"Specimen","id":"s","collection":{"x":1.50}}')
    ]
    assert lacking == ["Observation/1", "Observation/1", "Observation/3"]


VERSIONS = """
    rid | key | version_id | last_updated                  | digest | disposition
    01  | a   | 9          |                               |        | superseded
    02  | a   | 10         | 2020-01-01T00:00:00Z          |        | current
    03  | b   | W/x        | 2020-05-11T08:00:00+08:00     |        | superseded
    04  | b   | 3          | 2020-05-11T00:00:00.001Z      |        | current
    05  | c   |            |                               |        | current
    06  | d   | 1          | 2020-05-11T08:00:00Z          |        | undecided
    07  | d   | 1          | 2020-05-11T08:00:00Z          |        | undecided
    08  | e   | 1          |                               | f0     | current
    09  | e   | 1          |                               | f0     | identical
    10  | f   | 2          |                               | f0     | conflict
    11  | f   | 2          |                               | f1     | conflict
    12  | f   | 1          |                               | f1     | superseded
    13  | g   |            | 2020-05-11T08:00:00Z          | f0     | conflict
    14  | g   |            | 2020-05                       | f1     | conflict
"""


def test_c035_c036_of_several_versions_the_highest_counts():
    rows = table(VERSIONS)
    assert current_versions(rows.drop("disposition")).equals(rows.select("rid", "disposition"))


def test_a_version_longer_than_any_integer_is_compared_as_one():
    rows = pl.DataFrame(
        {
            "rid": [1, 2],
            "key": ["h", "h"],
            "version_id": ["99999999999999999999999999", "007"],
            "last_updated": [None, None],
        }
    )
    assert current_versions(rows)["disposition"].to_list() == ["current", "superseded"]


def test_an_index_without_resources_resolves_nothing():
    references = References.build(pl.DataFrame(schema=INDEX))
    found = references.resolve(pl.Series(["Patient/1"]), pl.Series(["Observation/1"]))
    assert found.rows() == [("Patient/1", "not in source")]
    assert references.resolve(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.String)).height == 0


def test_a_urn_that_no_bundle_gives_leads_to_the_resource_of_that_id():
    uuid = "429f802a-51cc-48c3-85d4-1a72bb718fc2"
    of_ndjson = pl.DataFrame({"key": [f"Patient/{uuid}"], "full_url": [None]}, schema=INDEX)
    of_bundle = pl.DataFrame({"key": ["Patient/1"], "full_url": [f"urn:uuid:{uuid}"]}, schema=INDEX)

    def key(index):
        references = References.build(index)
        return references.resolve(pl.Series([f"urn:uuid:{uuid}"]), pl.Series(["Basic/1"]))["key"].item()

    assert key(of_ndjson) == f"Patient/{uuid}"
    assert key(pl.concat([of_ndjson, of_bundle])) == "Patient/1"


def test_two_records_that_differ_only_in_a_generated_narrative_say_the_same() -> None:
    plain = b'{"resourceType":"Patient","id":"1","gender":"female","meta":{"profile":["x"]}}'
    told = b'{"resourceType":"Patient","text":{"status":"generated","div":"<p/>"},"gender":"female","id":"1"}'
    more = b'{"resourceType":"Patient","text":{"status":"additional"},"id":"1","gender":"female"}'
    assert digest(plain) == digest(told)
    assert digest(plain) != digest(more)
