"""FHIR XML says what its JSON twin says; what is hostile or wrong is an issue with file and line.

The files in `twins/` are synthetic; HL7's own parser (see `tests/peers`) made the XML of the JSON.
"""

import gzip
import io
import json
from pathlib import Path

import pytest
from peers.twins import differences, said

from interop.fhir.elements import elements, is_resource
from interop.fhir.json import Decoder, Limits, parse
from interop.fhir.lines import split_ordinal
from interop.fhir.quarantine import write_quarantine
from interop.fhir.read import read, records
from interop.fhir.source import open_source
from interop.fhir.xml_elements import members

TWINS = Path(__file__).resolve().parent / "twins"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = 'xmlns="http://hl7.org/fhir"'


def chunks(source, *, limits=Limits()):  # noqa: B008  frozen
    return [chunk for part in source.parts() for chunk in read(part, decoder=Decoder(), limits=limits)]


def outcome(source, **settings):
    """Type and line of resources; reason and line of the unreadable; rule, line and path of issues."""
    found = chunks(source, **settings)
    resources = [
        (resource.resourceType, split_ordinal(ordinal)[0])
        for chunk in found
        for resource, ordinal in zip(chunk.resources, chunk.ordinals, strict=True)
    ]
    bad = [(bad.reason, bad.where().line) for chunk in found for bad in chunk.unreadable]
    issues = [(i.rule, i.where.line, i.where.path) for chunk in found for i in chunk.issues]
    return resources, bad, issues


def source_of(folder, text, name="a.xml"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_source(folder / name)


def resource_of(folder, text):
    """The one resource of an XML text, as a value, and the issues about it."""
    source = source_of(folder, text)
    (chunk,) = chunks(source)
    ((_, _, raw),) = records(source, {"a.xml": set(chunk.ordinals)})
    return json.loads(raw), [(issue.rule, issue.where.path, issue.count) for issue in chunk.issues]


def bundle(*resources, kind="collection"):
    entries = "\n".join(f"<entry><resource>\n{resource}\n</resource></entry>" for resource in resources)
    return f'{HEAD}<Bundle {NAMESPACE}><type value="{kind}"/>\n{entries}\n</Bundle>'


# ---------------------------------------------------------------- twins


@pytest.mark.parametrize("name", sorted(path.stem for path in TWINS.glob("*.json")))
def test_xml_says_what_its_json_twin_says(name):
    (from_json, wrong), (from_xml, broken) = said(TWINS / f"{name}.json"), said(TWINS / f"{name}.xml")
    assert (wrong, broken) == ([], [])
    assert list(differences(from_json, from_xml)) == []
    assert from_json


def test_a_twin_that_says_something_else_is_noticed():
    values = parse(b'[{"value": 1.50, "given": ["a", null], "b": true}]')
    others = parse(b'[{"value": 1.5, "given": ["a"], "c": 1}]')
    assert list(differences(values, others)) == [
        "[0].b is missing in one",
        "[0].c is missing in one",
        "[0].given differs",
        "[0].value differs",
    ]


def test_every_child_of_every_type_has_a_tag_and_a_json_name():
    lost = []
    for path, element in elements().items():
        parent, _, name = path.rpartition(".")
        is_attribute = (name == "id" and not is_resource(parent)) or path == "Extension.url"
        if parent and not is_attribute:
            made = {member.name for member in members(parent).values()}
            lost += [path for type_ in element.types if element.name(type_) not in made]
    assert lost == []


# ---------------------------------------------------------------- sources


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xml", f"<Patient {NAMESPACE}/>".encode()),
        ("a.XML", f"{HEAD}<!-- a > comment -->\n<?a b?><Patient {NAMESPACE}/>\n<!-- end -->".encode()),
        ("a.xml", b"\xef\xbb\xbf" + f'{HEAD}<f:Patient xmlns:f="http://hl7.org/fhir"/>'.encode()),
        ("a.xml.gz", gzip.compress(f"<Patient {NAMESPACE}/>".encode())),
        ("a.xml", bundle("<Patient/>").encode()),
    ],
)
def test_every_form_of_an_xml_file_is_a_source(tmp_path, name, content):
    source = source_of(tmp_path, content, name)
    (resources, bad, issues) = outcome(source)
    assert ([kind for kind, _ in resources], bad, issues) == (["Patient"], [], [])
    assert outcome(open_source(tmp_path)) == (resources, bad, issues)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_may_be_xml(monkeypatch, pack):
    content = pack(bundle("<Patient/>", "<Device/>").encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert outcome(open_source("-"))[0] == [("Patient", 4), ("Device", 7)]


def test_resources_and_issues_have_the_line_in_their_file_however_long(tmp_path):
    rows = [f'<Patient>\n<id value="{n}"/>\n<colour value="red"/></Patient>' for n in range(14_000)]
    resources, bad, issues = outcome(source_of(tmp_path, bundle(*rows)))
    assert resources == [("Patient", 4 + 5 * n) for n in range(14_000)]
    assert (bad, issues) == ([], [("FHIR-READ-018", 6, "Patient.colour")])


def test_wanted_records_come_back_as_json_and_the_quarantine_is_a_source(tmp_path):
    source = source_of(tmp_path, bundle("<Patient><active value='true'/></Patient>", "<Basic/>"))
    (chunk,) = chunks(source)
    target = tmp_path / "quarantine.ndjson"
    assert write_quarantine(target, source, wanted={"a.xml": set(chunk.ordinals)}) == 2
    assert target.read_text() == '{"resourceType":"Patient","active":true}\n{"resourceType":"Basic"}\n'
    assert outcome(open_source(target))[0] == [("Patient", 1), ("Basic", 2)]


# ---------------------------------------------------------------- what FHIR R4 does not have


@pytest.mark.parametrize(
    ("inner", "value", "issues"),
    [
        ('<active value="1"/>', {"active": "1"}, []),
        ('<multipleBirthInteger value="02"/>', {"multipleBirthInteger": "02"}, []),
        ("<gender/><name/>", {}, []),
        ("<gender>male</gender>", {}, ["019 gender 1"]),
        (
            '<active value="true"/><active value="false"/>',
            {"active": [True, False]},
            ["020 Patient.active 1"],
        ),
        ('<gender value="male" hue="red"/>', {"gender": "male"}, ["018 Patient.gender.hue 1"]),
        ('<hue value="red"/><hue value="blue"/>', {"hue": ["red", "blue"]}, ["018 Patient.hue 2"]),
        ('<gender xmlns="urn:x" value="male"/>', {"gender": "male"}, ["018 Patient.gender 1"]),
        (
            '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="a.xml"/>',
            {"include": {"href": "a.xml"}},
            ["018 Patient.include 1"],
        ),
        (
            "<contained><Device/><Basic/></contained>",
            {"contained": [{"resourceType": "Device"}]},
            ["020 Patient.contained 1"],
        ),
    ],
)
def test_what_fhir_has_not_is_an_issue_and_the_rest_is_read(tmp_path, inner, value, issues):
    found, told = resource_of(tmp_path, f"<Patient {NAMESPACE}>{inner}</Patient>")
    assert found == {"resourceType": "Patient", **value}
    assert [f"{rule.removeprefix('FHIR-READ-')} {path} {count}" for rule, path, count in told] == issues


def test_a_prefix_of_the_document_is_none_of_the_narrative(tmp_path):
    text = '<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:text>'
    text += '<h:div id="a">x<h:br/> y</h:div></f:text></f:Patient>'
    div = '<div xmlns="http://www.w3.org/1999/xhtml" id="a">x<br/> y</div>'
    assert resource_of(tmp_path, text) == ({"resourceType": "Patient", "text": {"div": div}}, [])


def test_a_type_that_is_not_of_r4_is_one_issue(tmp_path):
    value = {"resourceType": "NutritionIntake", "status": "x", "code": {"text": "t"}}
    text = f'<NutritionIntake {NAMESPACE}><status value="x"/><code><text value="t"/></code></NutritionIntake>'
    assert resource_of(tmp_path, text) == (value, [("FHIR-READ-018", "NutritionIntake", 1)])


# ---------------------------------------------------------------- hostile and damaged

PRIVATE = "1950-01-01"
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)  # a thousand million letters, if it is let
DEEP, END = '<extension url="a">', "</extension>"
BAD = {
    f"{BOMB}]>\n<Patient {NAMESPACE}><id value='&i;'/></Patient>": ("doctype", 2),
    f'<!DOCTYPE a [<!ENTITY x SYSTEM "private.txt">]>\n<Patient {NAMESPACE}>&x;</Patient>': ("doctype", 2),
    f'<!-- a -->\n<!DOCTYPE a SYSTEM "http://localhost:9/a.dtd">\n<Patient {NAMESPACE}/>': ("doctype", 3),
    f"<Patient {NAMESPACE}><id value='&undefined;'/></Patient>": ("invalid xml", 2),
    f"<Patient {NAMESPACE}>\n<name>\n</Patient>": ("invalid xml", 4),
    f"<Patient {NAMESPACE}>\n<birthDate value='{PRIVATE}'/>": ("truncated", 3),
    f"<Patient {NAMESPACE}": ("truncated", 2),
    f"<Patient {NAMESPACE}/>\n<Patient {NAMESPACE}/>": ("invalid xml", 3),
    f"<Patient {NAMESPACE}><id value='\x01'/></Patient>": ("invalid xml", 2),
    f"<Patient {NAMESPACE}><name/><q:name/></Patient>": ("invalid xml", 2),
    "<ODM xmlns='http://www.cdisc.org/ns/odm/v1.3'/>": ("not fhir xml", 2),
    "\n<Patient/>": ("not fhir xml", 3),
    "": ("truncated", 1),
    "{}": ("invalid xml", 2),
    "<!-- never ends": ("truncated", 1),
    f"<Patient {NAMESPACE}>{DEEP * 70}{END * 70}</Patient>": ("too deep", 2),
    f"<Patient {NAMESPACE}>{DEEP * 3000}{END * 3000}</Patient>": ("too deep", 2),
    f"<Patient {NAMESPACE}>{DEEP * 3000}": ("too deep", 2),
}  # fmt: skip


@pytest.mark.parametrize(("text", "bad"), BAD.items(), ids=lambda value: str(value)[:60])
def test_a_document_that_cannot_be_read_is_one_issue_with_its_line(tmp_path, text, bad):
    (tmp_path / "private.txt").write_text(PRIVATE)
    source = source_of(tmp_path, HEAD + text)
    assert outcome(source) == ([], [bad], [])
    (broken,) = [broken for chunk in chunks(source) for broken in chunk.unreadable]
    assert PRIVATE not in str(broken.issue())
    target = tmp_path / "quarantine.ndjson"
    assert write_quarantine(target, source, wanted={}, unreadable=[broken]) == 1


@pytest.mark.parametrize(
    "content",
    [
        f'{HEAD}<Patient {NAMESPACE}><id value="红"/></Patient>'.encode("gbk"),
        f'<?xml version="1.0" encoding="GBK"?>\n<Patient {NAMESPACE}/>'.encode(),
        f"<?xml version='1.0' encoding = 'UTF-16'?>\n<Patient {NAMESPACE}/>".encode(),
        f"{HEAD}<Patient {NAMESPACE}/>".encode("utf-16"),
        f"{HEAD}<Patient {NAMESPACE}/>".encode("utf-16-le"),
    ],
)
def test_only_utf_8_is_read(tmp_path, content):
    resources, ((reason, _),), issues = outcome(source_of(tmp_path, content))
    assert (resources, reason, issues) == ([], "invalid utf-8", [])
    told = f'<?xml version="1.0" encoding="utf-8"?>\n<Patient {NAMESPACE}><id value="血"/></Patient>'
    assert resource_of(tmp_path, told)[0]["id"] == "血"


def test_a_bad_entry_of_an_xml_bundle_does_not_spoil_the_others(tmp_path):
    deep = f"<Patient>{DEEP * 70}{END * 70}</Patient>"
    nested = "<Bundle><entry><resource><Patient/></resource></entry></Bundle>"
    long = f'<Patient><id value="{"x" * 3000}"/></Patient>'
    source = source_of(tmp_path, bundle("<Basic/>", deep, nested, long, "<Device/>"))
    resources, bad, issues = outcome(source, limits=Limits(line_bytes=2000))
    assert resources == [("Basic", 4), ("Device", 16)]
    assert (bad, issues) == ([("too deep", 7), ("nested bundle", 10), ("too large", 13)], [])


def test_what_came_before_the_damage_of_a_bundle_is_kept(tmp_path):
    whole = bundle(*["<Patient/>"] * 3)
    cut = whole[: whole.rindex("<Patient/>")]
    assert outcome(source_of(tmp_path, cut)) == ([("Patient", 4), ("Patient", 7)], [("truncated", 10)], [])
    wrong = whole.replace("</Bundle>", "</Bundel>")
    resources, bad, _ = outcome(source_of(tmp_path, wrong))
    assert (len(resources), bad) == (3, [("invalid xml", 12)])
    packed = gzip.compress(
        bundle(*[f'<Patient><id value="{n * 7919}"/></Patient>' for n in range(30_000)]).encode()
    )
    resources, bad, issues = outcome(source_of(tmp_path, packed[: len(packed) // 2], "a.xml.gz"))
    assert 5_000 < len(resources) < 25_000
    assert (bad, issues) == ([], [("FHIR-READ-009", None, None)])


def test_what_is_too_large_is_given_up_early(tmp_path):
    limits = Limits(line_bytes=1000, bundle_bytes=400_000)
    endless = f"{HEAD}<Patient {NAMESPACE}>" + "<name/>" * 100_000
    assert outcome(source_of(tmp_path, endless), limits=limits) == ([], [("too large", 2)], [])
    many = bundle(*["<Patient/>"] * 20_000)
    resources, bad, _ = outcome(source_of(tmp_path, many), limits=limits)
    assert (0 < len(resources) < 20_000, bad) == (True, [("too large", 2)])
    assert outcome(source_of(tmp_path, "<!--" + "x" * 300_000), limits=limits)[1] == [("too large", 1)]


@pytest.mark.parametrize(
    ("blanks", "found"), [(100_000, (["Patient"], [])), (2 << 20, ([], [("too large", 1)]))]
)
def test_what_stands_before_the_root_has_an_end(tmp_path, blanks, found):
    source = source_of(
        tmp_path, f"<!--{'x' * blanks}-->{' ' * blanks}<Patient {NAMESPACE}><id value='p'/></Patient>"
    )
    resources, bad, _ = outcome(source)
    assert ([kind for kind, _ in resources], bad) == found


def test_values_of_an_element_that_stands_many_times_are_all_kept(tmp_path):
    genders = "".join(f"<gender value='{n}'/>" for n in range(2_000))
    value, issues = resource_of(tmp_path, f"<Patient {NAMESPACE}>{genders}</Patient>")
    assert value["gender"] == [str(n) for n in range(2_000)]
    assert issues == [("FHIR-READ-020", "Patient.gender", 1_999)]


def test_a_list_has_entries_that_are_no_bundle_entries(tmp_path):
    entries = '<entry><item><display value="a"/></item></entry><entry><deleted value="true"/></entry>'
    text = f"<List {NAMESPACE}>{entries}</List>"
    value = {"resourceType": "List", "entry": [{"item": {"display": "a"}}, {"deleted": True}]}
    assert resource_of(tmp_path, text) == (value, [])
