"""Hostile and damaged files: the bad line is reported, the others survive (golden cases C061, C062)."""

import gzip
import json

import pytest

from interop.fhir.json import Decoder, Limits
from interop.fhir.lines import REASONS
from interop.fhir.quarantine import write_quarantine
from interop.fhir.read import read, records
from interop.fhir.source import Part, SourceFile, open_source

GOOD = b'{"resourceType":"Basic","id":"good"}'
DECODER = Decoder(["code"])

BAD_LINES = {
    "[]": "not an object",
    "123": "not an object",
    "null": "not an object",
    '"text"': "not an object",
    "{}": "no resourceType",
    '{"id":"1"}': "no resourceType",
    '{"resourceType":7}': "no resourceType",
    '{"resourceType":"Basic","id":7}': "wrong type",
    '{"resourceType":"Basic","meta":[]}': "wrong type",
    '{"resourceType":"Basic","meta":{"versionId":1}}': "wrong type",
    "{": "invalid json",
    '{"resourceType":"Basic"} {"resourceType":"Basic"}': "invalid json",
    '{"resourceType":"Basic",}': "invalid json",
    '{"resourceType":"Basic","x":NaN}': "invalid json",
    '{"resourceType":"Basic","x":01}': "invalid json",
    '{"resourceType":"Basic","x":"\0"}': "invalid json",
    "\0\0\0\0": "invalid json",
    '{"resourceType":"Basic","x":"\\ud800"}': "invalid json",
    '{"resourceType":"Basic","id":"\\udc00"}': "invalid json",
    '{"resourceType":"Basic","x":' + "[" * 100 + "]" * 100 + "}": "too deep",
    '{"resourceType":"Basic","x":' + "[" * 100_000 + "]" * 100_000 + "}": "too deep",
    '{"a":' * 100_000: "too deep",
    '{"resourceType":"Bundle","entry":7}': "wrong type",
}
BAD_BYTES = {
    b'{"resourceType":"Basic","x":"\xff"}': "invalid utf-8",
    b'{"resourceType":"Basic","x":"\xed\xa0\x80"}': "invalid utf-8",
    b"\xff\xfe{\x00": "invalid utf-8",
    **{line.encode(): reason for line, reason in BAD_LINES.items()},
}


def chunks(source, *, limits=Limits(), bytes_per_part=1 << 30):  # noqa: B008  frozen
    parts = source.parts(bytes_per_part=bytes_per_part)
    return [chunk for part in parts for chunk in read(part, decoder=DECODER, limits=limits)]


def outcome(source, **settings):
    """Ordinals of the resources, and (ordinal, offset, length, reason) of the unreadable."""
    found = chunks(source, **settings)
    bad = [(bad.ordinal, bad.offset, bad.length, bad.reason) for chunk in found for bad in chunk.unreadable]
    return [ordinal for chunk in found for ordinal in chunk.ordinals], bad


def source_of(folder, content, name="a.ndjson"):
    (folder / name).write_bytes(content)
    return open_source(folder / name)


@pytest.mark.parametrize(("line", "reason"), BAD_BYTES.items(), ids=lambda value: str(value[:40]))
def test_a_bad_line_is_reported_with_its_place_and_the_others_survive(tmp_path, line, reason):
    source = source_of(tmp_path, b"\n".join([GOOD, GOOD, line, GOOD, b""]))
    assert outcome(source) == ([1, 2, 4], [(3, 2 * len(GOOD) + 2, len(line), reason)])
    assert list(records(source, {"a.ndjson": {3}})) == [("a.ndjson", 3, line)]


def test_issues_about_bad_lines_quote_nothing_of_them(tmp_path):
    secret = b'{"resourceType":"Patient","id":"1234","name":[{"family":"Wang"}],"birthDate":"1950-01-01",'
    lines = [
        secret + rest for rest in (b'"id":7}', b"}", b'"x":"\xff"}', b'"meta":{"versionId":["Wang"]}}', b"")
    ]
    issues = [
        bad.issue() for chunk in chunks(source_of(tmp_path, b"\n".join(lines))) for bad in chunk.unreadable
    ]
    assert [issue.where.line for issue in issues] == [1, 2, 3, 4, 5]
    assert {issue.severity for issue in issues} == {"error"}
    assert not [word for word in ("Wang", "1234", "1950") for issue in issues if word in issue.message]


def test_c062_a_truncated_last_line_is_named_so(tmp_path):
    source = source_of(tmp_path, GOOD + b"\n" + GOOD[:-5])
    assert outcome(source) == ([1], [(2, len(GOOD) + 1, len(GOOD) - 5, "truncated")])


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_a_line_above_the_limit_is_passed_over_wherever_blocks_end(tmp_path, monkeypatch, block):
    monkeypatch.setattr("interop.fhir.lines.BLOCK", block)
    long = b'{"resourceType":"Basic","id":"' + b"x" * 200 + b'"}'
    edge = GOOD + b" " * (100 - len(GOOD))
    source = source_of(tmp_path, b"\n".join([GOOD, long, edge, edge + b" ", long]))
    offsets = [len(GOOD) + 1, len(GOOD) + len(long) + 103, len(GOOD) + len(long) + 205]
    limits = Limits(line_bytes=100)
    assert outcome(source, limits=limits) == (
        [1, 3],
        [
            (2, offsets[0], len(long), "too large"),
            (4, offsets[1], 101, "too large"),
            (5, offsets[2], len(long), "too large"),
        ],
    )
    assert [place for *place, _ in records(source, {"a.ndjson": {1, 2, 3}}, limits=limits)] == [
        ["a.ndjson", 1],
        ["a.ndjson", 3],
    ]
    bad = [bad for chunk in chunks(source, limits=limits) for bad in chunk.unreadable]
    assert write_quarantine(tmp_path / "q.ndjson", source, wanted={}, unreadable=bad, limits=limits) == 0


def test_depth_is_told_the_same_for_a_line_alone_and_in_a_block(tmp_path):
    deepest = b'{"resourceType":"Basic","x":' + b"[" * 63 + b"]" * 63 + b"}"
    deeper = deepest.replace(b"[[", b"[[[", 1).replace(b"]]", b"]]]", 1)
    wide = b'{"resourceType":"Basic","x":[' + b"{}," * 500 + b'"[[["]}'
    source = source_of(tmp_path, b"\n".join([deepest, deeper, wide]))
    for bytes_per_part in (1, 1 << 20):
        ordinals, bad = outcome(source, bytes_per_part=bytes_per_part)
        assert (ordinals, [reason for *_, reason in bad]) == ([1, 3], ["too deep"])


def test_a_bad_entry_of_a_bundle_does_not_spoil_the_others(tmp_path):
    bad = {
        b"[]": "not an object",
        b'{"resourceType":"A","id":7}': "wrong type",
        b'{"resourceType":"\xff"}': "invalid utf-8",
    }
    deep = b'{"resourceType":"A","x":' + b"[" * 70 + b"]" * 70 + b"}"
    nested = b'{"resourceType":"Bundle","entry":[{"resource":' + GOOD + b"}]}"
    entries = [b'{"resource":' + raw + b"}" for raw in (GOOD, *bad, deep, nested, GOOD)]
    raw = b'{"resourceType":"Bundle","entry":[' + b",".join([*entries, b"7", b'{"fullUrl":7}']) + b"]}"
    for name, content, first in (("a.json", raw, 0), ("b.ndjson", GOOD + b"\n" + raw, len(GOOD) + 1)):
        source = source_of(tmp_path, content, name)
        found = chunks(source)
        assert sum(len(chunk.resources) for chunk in found) == 2 + (first > 0)
        unreadable = [one for chunk in found for one in chunk.unreadable]
        assert [one.reason for one in unreadable] == [
            *bad.values(),
            "too deep",
            "nested bundle",
            "no entry",
            "no entry",
        ]
        pieces = [content[one.offset : one.offset + one.length] for one in unreadable]
        assert pieces == [*bad, deep, nested, b"7", b'{"fullUrl":7}']
        assert write_quarantine(tmp_path / "q", source, wanted={}, unreadable=unreadable) == len(pieces)
        assert (tmp_path / "q").read_bytes() == b"\n".join(pieces) + b"\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "invalid json"),
        (b"[1]", "not an object"),
        (b'{\n"name": "interop"}', "no resourceType"),
        (b'{"resourceType":"Bundle","entry":[{"resource":' + GOOD, "invalid json"),
        (b'{"resourceType":"Bundle","entry":{}}', "wrong type"),
        (b'{"resourceType":"Bundle","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too deep"),
        (GOOD + b" " * 2000, "too large"),
    ],
)
def test_a_document_that_is_no_resource_is_reported_whole(tmp_path, content, reason):
    source = source_of(tmp_path, content, "a.json")
    limits = Limits(bundle_bytes=2000 if reason == "too large" else 1 << 30)
    ordinals, bad = outcome(source, limits=limits)
    assert (ordinals, [(ordinal, why) for ordinal, _, _, why in bad]) == ([], [(0, reason)])
    copied = [raw for *_, raw in records(source, {"a.json": {0}}, limits=limits)]
    assert copied == ([] if reason == "too large" else [content])
    assert chunks(source, limits=limits)[0].unreadable[0].where().line is None


@pytest.mark.parametrize("cut", [5, 40, 60])
def test_a_truncated_gzip_file_keeps_what_came_before_and_says_so(tmp_path, cut):
    lines = [
        json.dumps({"resourceType": "Basic", "id": str(n), "x": str(n**40)}).encode() for n in range(2000)
    ]
    whole = gzip.compress(b"\n".join(lines), 1)
    source = source_of(tmp_path, whole[: len(whole) * cut // 100], "a.ndjson.gz")
    ordinals, bad = outcome(source)
    assert ordinals == list(range(1, len(ordinals) + 1))
    assert 0 < len(ordinals) < 2000
    assert [reason for *_, reason in bad] in ([], ["truncated"])
    assert [(i.rule, i.severity) for chunk in chunks(source) for i in chunk.issues] == [
        ("FHIR-READ-009", "error")
    ]
    assert len(list(records(source, {"a.ndjson.gz": {1, 1999}}))) == 1


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.json.gz"])
def test_a_file_that_is_not_gzip_is_an_issue_and_not_a_crash(tmp_path, name):
    found = chunks(source_of(tmp_path, GOOD, name))
    assert [issue.rule for chunk in found for issue in chunk.issues] == ["FHIR-READ-009"]
    assert sum(len(chunk.resources) for chunk in found) == 0


def test_a_file_that_vanished_after_it_was_listed_is_an_issue(tmp_path):
    source = source_of(tmp_path, GOOD)
    (tmp_path / "a.ndjson").unlink()
    assert [issue.rule for chunk in chunks(source) for issue in chunk.issues] == ["FHIR-READ-009"]
    assert list(records(source, {"a.ndjson": {1}})) == []


def test_a_small_gzip_file_of_one_endless_line_is_never_held(tmp_path):
    source = source_of(tmp_path, gzip.compress(b"x" * (64 << 20)), "a.ndjson.gz")
    assert outcome(source) == ([], [(1, 0, 64 << 20, "too large")])


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n \t\n"])
def test_a_file_without_lines_has_no_resources_and_no_issues(content):
    part = Part(SourceFile("memory", "ndjson", len(content), content=content))
    found = list(read(part, decoder=DECODER))
    assert [(chunk.resources, chunk.unreadable, chunk.issues) for chunk in found] in ([], [([], [], [])])


def test_every_reason_has_its_own_rule():
    rules = [rule for rule, _, _ in REASONS.values()]
    assert len(set(rules)) == len(rules)
