"""Sources that mean harm or are no files: the rest is read, nothing hangs, nothing outside is touched."""

import gzip
import os
import sys

import pytest

from interop.checks.source import check_fhir
from interop.cli.options import opened
from interop.errors import SourceError
from interop.fhir.distinct import Element
from interop.fhir.fit import Fit
from interop.fhir.json import Limits
from interop.fhir.source import open_source
from interop.mapping.sidecars import write_result
from interop.study import Study

GOOD = '{"resourceType":"Basic","id":"b1","code":{"text":"a"}}\n'
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes and devices among its files")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "b.ndjson").write_text(GOOD, encoding="utf-8")
    return tmp_path


def told(source, **settings):
    return [(issue.rule, issue.where.file) for issue in check_fhir(source, **settings)]


@posix
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_device_is_no_file_of_a_source(place, kind):
    name = place / "a.ndjson"
    if kind == "pipe":
        os.mkfifo(name)
    else:
        name.symlink_to("/dev/zero")
    assert told(open_source(place)) == [("FHIR-READ-012", "a.ndjson")]
    with pytest.raises(SourceError, match="a pipe or a device"):
        open_source(name)


@posix
def test_links_in_a_circle_end(place):
    (place / "loop").symlink_to(place)
    (place / "self.ndjson").symlink_to("self.ndjson")
    assert told(opened([str(place)])) == [("FHIR-READ-012", "self.ndjson")]
    with pytest.raises(SourceError, match="no such file"):
        opened([str(place / "self.ndjson")])


@posix
def test_a_file_name_with_line_breaks_or_other_bytes_stays_in_its_line(place, tmp_path_factory):
    (place / "x\ny\x1b[2J.ndjson").write_text("{\n", encoding="utf-8")
    (place / os.fsdecode(b"\xff.ndjson")).write_text("{\n", encoding="utf-8")
    issues = check_fhir(open_source(place))
    assert sorted(issue.where.file for issue in issues) == ["\\xff.ndjson", "x\ny\x1b[2J.ndjson"]
    assert all(str(issue).isprintable() for issue in issues)
    result = Study.load().to_sdtm(place)
    assert result.ledger.dispositions["unreadable"] == 2
    write_result(result, tmp_path_factory.mktemp("out") / "sdtm")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "gb18030"])
def test_another_encoding_is_unreadable_and_said_so(place, encoding):
    (place / "a.json").write_text(GOOD.replace("a", "血"), encoding=encoding)
    assert [file for _, file in told(open_source(place))] == ["a.json"]


def test_a_gzip_file_that_grows_without_end_is_stopped(place):
    (place / "a.ndjson.gz").write_bytes(gzip.compress(b"\0" * (8 << 20) + b"\n" + GOOD.encode()))
    (place / "c.json.gz").write_bytes(gzip.compress(b'{"resourceType":"Bundle"}' + b" " * (8 << 20)))
    limits = Limits(line_bytes=1 << 20, bundle_bytes=1 << 20)
    assert told(open_source(place), limits=limits) == [
        ("FHIR-READ-001", "a.ndjson.gz"),
        ("FHIR-READ-001", "c.json.gz"),
    ]


def test_an_id_that_is_a_path_writes_nowhere_else(tmp_path):
    source = [
        {"resourceType": "Patient", "id": "../../escaped", "gender": "female"},
        {"resourceType": "../../escaped", "id": "/etc/escaped"},
    ]
    result = Study.load().to_sdtm(source, enrol_all=True)
    out = tmp_path / "a" / "b" / "out"
    written = write_result(result, out, formats=["xpt", "csv"])
    assert all(path.is_relative_to(out) for path in written)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        p.name for p in written
    )


def test_a_resource_with_a_hundred_thousand_identifiers_is_one_resource():
    many = [{"system": "s", "value": str(n)} for n in range(100_000)]
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "identifier": many}
    result = Study.load().to_sdtm([patient], enrol_all=True)
    assert len(result.datasets["DM"]) == 1


TREE = {"Patient": {"birthDate": {}, "name": {"given": {}}, "extension('u')": {"valueDecimal": {}}}}


@pytest.mark.parametrize(
    ("name", "raw", "fits"),
    [
        ("birthDate", b'"1980"', True),
        ("birthDate", b"null", True),
        ("birthDate", b"1980", False),
        ("birthDate", b'["1980"]', False),
        ("name", b'[{"given":["a",null]},null]', True),
        ("name", b'{"given":"a"}', True),
        ("name", b'[{"given":[["a"]]}]', False),
        ("name", b'[{"given":[1]}]', False),
        ("name", b'["a"]', False),
        ("name", b'[{"family":{}}]', True),
        ("extension", b'[{"url":"u","valueDecimal":1e999999}]', True),
        ("extension", b'[{"url":"u","valueDecimal":%s}]' % (b"9" * 5000), True),
        ("extension", b'[{"url":"u","valueDecimal":1e%s}]' % (b"9" * 30), False),
        ("extension", b'[{"url":"u","valueDecimal":"1"}]', False),
        ("extension", b'[{"url":"u","valueDecimal":true}]', False),
    ],
)
def test_what_is_read_must_have_the_json_form_of_its_type(name, raw, fits):
    fit = Fit(TREE)
    assert fit.fits("Patient", name, raw) is fits
    assert fit.misfits("Patient", name, Element([raw, b""])) == (frozenset() if fits else {raw})
