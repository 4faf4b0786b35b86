"""Sources of every form give the same resources, with their places (golden cases C045, C061)."""

import gzip
import io
import json
import pickle

import pytest
from fhir.resources.R4B.patient import Patient

from interop.errors import SourceError
from interop.fhir.json import Decoder, Limits
from interop.fhir.lines import entry_ordinal, split_ordinal
from interop.fhir.quarantine import write_quarantine
from interop.fhir.read import read, records
from interop.fhir.source import open_source

THREE = [{"resourceType": "Patient", "id": f"p{n}", "active": True} for n in (1, 2, 3)]
LINES = [json.dumps(resource).encode() for resource in THREE]
NDJSON = b"".join(line + b"\n" for line in LINES)
IDS = ["p1", "p2", "p3"]


def bundle(resources=THREE, **more):
    entry = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entry, **more}


def chunks(source, *, bytes_per_part=1 << 20, limits=Limits()):  # noqa: B008  frozen
    decoder = Decoder(["active"])
    parts = source.parts(bytes_per_part=bytes_per_part)
    return [chunk for part in parts for chunk in read(part, decoder=decoder, limits=limits)]


def places(source, **settings):
    """File, ordinal and id of every resource."""
    return [
        (chunk.file, ordinal, resource.id)
        for chunk in chunks(source, **settings)
        for ordinal, resource in zip(chunk.ordinals, chunk.resources, strict=True)
    ]


def ids(source, **settings):
    return [id_ for _, _, id_ in places(source, **settings)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ndjson", NDJSON),
        ("a.jsonl", NDJSON),
        ("a.ndjson.gz", gzip.compress(NDJSON)),
        ("a.NDJSON", NDJSON.replace(b"\n", b"\r\n")),
        ("a.ndjson", b"\xef\xbb\xbf" + NDJSON),
        ("a.ndjson", NDJSON.replace(b"\n", b"\n\n \t\r\n")),
        ("a.ndjson", NDJSON.removesuffix(b"\n")),
        ("a.ndjson", json.dumps(bundle()).encode()),
        ("a.json", json.dumps(bundle()).encode()),
        ("a.json", b"\xef\xbb\xbf" + json.dumps(bundle(), indent=2).encode()),
        ("a.json.gz", gzip.compress(json.dumps(bundle()).encode())),
    ],
)
def test_every_form_of_file_gives_the_same_resources(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert ids(open_source(tmp_path / name)) == IDS
    assert ids(open_source(str(tmp_path))) == IDS


def test_a_single_resource_is_a_source(tmp_path):
    path = tmp_path / "patient.json"
    path.write_text(json.dumps(THREE[0], indent=1))
    assert places(open_source(path)) == [("patient.json", 1, "p1")]


@pytest.mark.parametrize(
    "what", [THREE, iter(THREE), bundle(), [bundle()], [Patient(id=name, active=True) for name in IDS]]
)
def test_resources_in_memory_are_a_source(what):
    source = open_source(what)
    assert ids(source) == IDS
    assert ids(open_source(source)) == IDS


def test_one_model_is_a_source():
    assert ids(open_source(Patient(id="p1"))) == ["p1"]


@pytest.mark.parametrize(
    "content",
    [NDJSON, gzip.compress(NDJSON), json.dumps(bundle(), indent=2).encode(), json.dumps(bundle()).encode()],
)
def test_standard_input_is_a_source_and_leaves_nothing_behind(monkeypatch, tmp_path, content):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    source = open_source("-")
    assert ids(source) == IDS == ids(source)
    assert {file for file, _, _ in places(source)} == {"stdin"}
    assert list(tmp_path.iterdir()) != []
    del source
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_read_in_the_order_of_names_and_says_what_it_leaves(tmp_path):
    for name in (
        "b/z.ndjson",
        "a.ndjson",
        "b/a.json",
        ".hidden/x.ndjson",
        "_interop/quarantine.ndjson",
        ".x.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(LINES[0])
    (tmp_path / "b" / "notes.docx").write_bytes(b"")
    source = open_source(tmp_path)
    assert [file.name for file in source.files] == ["a.ndjson", "b/a.json", "b/z.ndjson"]
    assert [(issue.rule, issue.severity, issue.where.file) for issue in source.issues] == [
        ("FHIR-READ-012", "information", "b/notes.docx")
    ]
    assert repr(source) == "<Source: 3 files>"


def test_what_cannot_be_a_source_is_an_error(tmp_path):
    (tmp_path / "data.csv").write_bytes(b"")
    with pytest.raises(SourceError, match="no such file or folder"):
        open_source(tmp_path / "absent")
    with pytest.raises(SourceError, match="not a known form"):
        open_source(tmp_path / "data.csv")
    with pytest.raises(SourceError, match="no FHIR file in this folder"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match="resource 2: cannot be written as JSON"):
        open_source([THREE[0], {"value": object()}])


@pytest.mark.parametrize("bytes_per_part", [1, 50, 1000, 5000, 1 << 20])
def test_parts_give_the_same_resources_with_the_same_places(tmp_path, bytes_per_part):
    rows = [json.dumps({"resourceType": "Basic", "id": f"b{n}", "code": "血" * (n % 7)}) for n in range(60)]
    rows[20], rows[40] = "", "{broken"
    (tmp_path / "a.ndjson").write_text("\n".join(rows), encoding="utf-8")
    source = open_source(tmp_path)
    expected = [("a.ndjson", n + 1, f"b{n}") for n in range(60) if n not in (20, 40)]
    assert places(source, bytes_per_part=bytes_per_part) == expected
    bad = [bad for chunk in chunks(source, bytes_per_part=bytes_per_part) for bad in chunk.unreadable]
    assert [(one.ordinal, one.offset, one.reason) for one in bad] == [
        (41, len("\n".join(rows[:40]).encode()) + 1, "invalid json")
    ]
    parts = source.parts(bytes_per_part=bytes_per_part)
    assert pickle.loads(pickle.dumps(parts)) == parts  # noqa: S301  our own bytes


def test_c045_entries_of_a_bundle_know_their_full_urls_and_numbers():
    (first, second) = chunks(open_source(bundle(link=[{"relation": "self"}, {"relation": "next"}])))[1:3]
    assert [(issue.rule, issue.severity) for issue in first.issues] == [("FHIR-READ-011", "warning")]
    assert second.full_urls == ["urn:uuid:p1", "urn:uuid:p2", "urn:uuid:p3"]
    assert [split_ordinal(ordinal) for ordinal in second.ordinals] == [(1, 1), (1, 2), (1, 3)]


def test_an_entry_without_a_resource_is_reported(tmp_path):
    content = bundle()
    content["entry"].insert(1, {"fullUrl": "urn:uuid:gone", "response": {"status": "204 No Content"}})
    (tmp_path / "a.json").write_text(json.dumps(content))
    source = open_source(tmp_path)
    assert places(source) == [("a.json", 1, "p1"), ("a.json", 3, "p2"), ("a.json", 4, "p3")]
    (issue,) = [issue for chunk in chunks(source) for issue in chunk.issues]
    assert (issue.rule, issue.count) == ("FHIR-READ-010", 1)


def test_wanted_records_come_back_as_the_bytes_they_were(tmp_path):
    (tmp_path / "a.ndjson").write_bytes(
        b"\xef\xbb\xbf" + NDJSON + b"\n" + json.dumps(bundle()).encode() + b"\r\n"
    )
    (tmp_path / "b.json").write_text(json.dumps(bundle(), indent=1))
    (tmp_path / "c.json").write_bytes(LINES[2])
    (tmp_path / "d.ndjson.gz").write_bytes(gzip.compress(NDJSON))
    source = open_source(tmp_path)
    inner = entry_ordinal(5, 2)
    wanted = {"d.ndjson.gz": {2}, "a.ndjson": {3, 1, inner, 99}, "b.json": {2}, "c.json": {1}, "absent": {1}}
    found = list(records(source, wanted))
    assert [(file, ordinal) for file, ordinal, _ in found] == [
        *(("a.ndjson", 1), ("a.ndjson", 3), ("a.ndjson", inner)),
        *(("b.json", 2), ("c.json", 1), ("d.ndjson.gz", 2)),
    ]
    assert [raw for _, _, raw in found if b"\n" not in raw] == [
        *(LINES[0], LINES[2], LINES[1]),
        *(LINES[2], LINES[1]),
    ]


def test_the_quarantine_is_a_source_again(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(bundle(), indent=2))
    (tmp_path / "b.ndjson").write_bytes(NDJSON + b"{\xff\n")
    source = open_source(tmp_path)
    bad = [bad for chunk in chunks(source) for bad in chunk.unreadable]
    target = tmp_path / "_interop" / "quarantine.ndjson"
    target.parent.mkdir()
    wanted = {"b.ndjson": {3}, "a.json": {1}}
    assert write_quarantine(target, source, wanted=wanted, unreadable=bad) == 3
    again = open_source(target)
    assert places(again) == [("quarantine.ndjson", 1, "p1"), ("quarantine.ndjson", 2, "p3")]
    assert target.read_bytes().endswith(LINES[2] + b"\n{\xff\n")
    assert ids(open_source(tmp_path)) == IDS * 2


def test_every_public_example_is_read_whole(shared):
    for folder in sorted((shared / "data/fixtures/fhir").iterdir()):
        source = open_source(folder)
        lines = sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.ndjson"))
        assert len(ids(source)) >= lines > 0
        assert [bad for chunk in chunks(source) for bad in chunk.unreadable] == []
