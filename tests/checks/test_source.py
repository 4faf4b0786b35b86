"""A source before the rules: every breach counted, the first of a kind shown with its place."""

import gzip

import pytest

from interop.checks import check, opened
from interop.checks.source import EXAMPLES, check_fhir
from interop.errors import SourceError, SpecError
from interop.fhir.json import Limits
from interop.fhir.source import open_source
from interop.rules import rule

GOOD = '{"resourceType":"Basic","id":"b1","code":{"text":"a"}}'
TWICE = '{"resourceType":"Basic","id":"b2","code":{"text":"a","text":"b"}}'


def places(source, **settings):
    """Rule, file, line, resource, path and count of each issue."""
    issues = check_fhir(source, **settings)
    return [(i.rule, i.where.file, i.where.line, i.where.resource, i.where.path, i.count) for i in issues]


def test_c061_a_key_that_stands_twice_is_an_error_with_its_line(tmp_path):
    (tmp_path / "a.ndjson").write_text(f"{GOOD}\n{GOOD}\n{TWICE}\n", encoding="utf-8")
    issues = check_fhir(open_source(tmp_path))
    assert places(open_source(tmp_path)) == [
        ("FHIR-JSON-001", "a.ndjson", 3, "Basic/b2", "Basic.code.text", 1)
    ]
    assert issues.failed


def test_all_are_counted_and_the_first_five_are_shown(tmp_path):
    (tmp_path / "a.ndjson").write_text(f"{TWICE}\n{{\n" * 8, encoding="utf-8")
    found = places(open_source(tmp_path))
    assert [(rule, line, n) for rule, _, line, *_, n in found] == [
        ("FHIR-JSON-001", None, 3),
        *(("FHIR-JSON-001", line, 1) for line in (1, 3, 5, 7, 9)),
        ("FHIR-READ-004", None, 3),
        *(("FHIR-READ-004", line, 1) for line in (2, 4, 6, 8, 10)),
    ]
    assert check_fhir(open_source(tmp_path)).counts["error"] == 16


def test_kinds_are_told_apart_by_path_until_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("interop.checks.source.KINDS", 2)  # the real count, of which two are too many here
    lines = [f'{{"resourceType":"Basic","code":{{"x{n}":{{}}}},"y{n}":1}}' for n in range(20)]
    (tmp_path / "a.ndjson").write_text("\n".join(lines), encoding="utf-8")
    issues = check_fhir(open_source(tmp_path))
    assert issues.counts["error"] == 40
    assert len(issues) == 2 * (EXAMPLES + 1)


@pytest.mark.parametrize("form", ["bundle", "lines"])
def test_a_resource_in_a_bundle_has_the_line_where_it_begins_and_the_bundle_is_looked_at(tmp_path, form):
    entry = '{"resource":%s,\n"fullUrl":"urn:uuid:1","fullUrl":"urn:uuid:2"}'
    entries = ",\n".join(entry % raw for raw in (GOOD, TWICE))
    bundle = f'{{"resourceType":"Bundle","type":"collection","kind":"x",\n"entry":[\n{entries}]}}'
    name, content = (
        ("b.json", bundle) if form == "bundle" else ("b.ndjson", GOOD + "\n" + bundle.replace("\n", " "))
    )
    (tmp_path / name).write_text(content, encoding="utf-8")
    whole, second = (1, 5) if form == "bundle" else (2, 2)
    assert places(open_source(tmp_path)) == [
        ("FHIR-ELEMENT-001", name, whole, None, "Bundle", 1),
        ("FHIR-JSON-001", name, whole, None, "Bundle.entry[0].fullUrl", 1),
        ("FHIR-JSON-001", name, whole, None, "Bundle.entry[1].fullUrl", 1),
        ("FHIR-JSON-001", name, second, "Basic/b2", "Basic.code.text", 1),
    ]


def test_gzip_memory_and_a_document_are_sources_as_any(tmp_path):
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(TWICE.encode()))
    (tmp_path / "c.json").write_text(TWICE.replace(",", ",\n"), encoding="utf-8")
    found = places(open_source(tmp_path))
    assert [(file, line) for _, file, line, *_ in found] == [("a.ndjson.gz", 1), ("c.json", 1)]
    assert places(open_source([{"resourceType": "Basic", "id": "b1"}])) == [
        ("FHIR-ELEMENT-004", "memory", 1, "Basic/b1", "Basic.code", 1)
    ]


def test_what_the_reader_cannot_read_is_an_issue_beside_the_others(tmp_path):
    (tmp_path / "a.ndjson").write_text(f"{TWICE}\n{'[' * 100}\n{GOOD * 3}\n", encoding="utf-8")
    (tmp_path / "notes.txt").touch()
    found = places(open_source(tmp_path), limits=Limits(line_bytes=100))
    assert [(rule, line) for rule, _, line, *_ in found] == [
        ("FHIR-JSON-001", 1),
        ("FHIR-READ-001", 3),
        ("FHIR-READ-002", 2),
        ("FHIR-READ-012", None),
    ]


def test_a_person_is_not_named(tmp_path):
    patient = (
        '{"resourceType":"Patient","id":"MRN-4711","birthDate":"yesterday","name":[{"family":["Wang"]}]}'
    )
    (tmp_path / "a.ndjson").write_text(patient, encoding="utf-8")
    issues = check_fhir(open_source(tmp_path))
    assert {issue.where.resource for issue in issues} == {"Patient"}
    told = "".join(map(str, issues))
    assert not [word for word in ("4711", "yesterday", "Wang") if word in told]


def test_a_type_that_is_no_name_is_not_repeated(tmp_path):
    (tmp_path / "a.ndjson").write_text('{"resourceType":"../../x\\u0000","id":"a"}', encoding="utf-8")
    assert places(open_source(tmp_path)) == [("FHIR-RESOURCE-001", "a.ndjson", 1, "?/a", "?", 1)]


def test_xml_is_looked_at_by_the_same_rules(tmp_path):
    xml = """<Observation xmlns="http://hl7.org/fhir">
<id value="o1"/><effectiveDateTime value="2020-02-30"/><code><text value="x"/></code></Observation>"""
    (tmp_path / "a.xml").write_text(xml, encoding="utf-8")
    assert places(open_source(tmp_path)) == [
        ("FHIR-ELEMENT-004", "a.xml", 1, "Observation/o1", "Observation.status", 1),
        ("FHIR-VALUE-001", "a.xml", 1, "Observation/o1", "Observation.effective", 1),
    ]


def test_the_same_is_found_whatever_the_order_of_files_and_cuts(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.ndjson").write_text(f"{TWICE}\n" * 20, encoding="utf-8")
    assert [file for _, file, *_ in places(open_source(tmp_path))][:6] == [None] + ["a.ndjson"] * 5


def test_a_rule_set_that_is_not_there_is_refused_with_what_is():
    with pytest.raises(SpecError, match=r"no rule set 'sdmt' \(there are: fhir\)"):
        check(open_source([]), rules=["sdmt"])


@pytest.mark.parametrize("name", ["dm.xpt", "dm.csv"])
def test_datasets_have_no_rules_yet(tmp_path, name):
    (tmp_path / name).touch()
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(SourceError, match="holds datasets; there are rules for FHIR sources only"):
            opened(str(path))


def test_a_rule_id_is_never_used_twice():
    with pytest.raises(ValueError, match="rule FHIR-JSON-001 is there already"):
        rule("FHIR-JSON-001", on="object")(lambda: iter(()))
