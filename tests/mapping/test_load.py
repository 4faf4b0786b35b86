"""Mapping files: what is read, and every way to be wrong, with its place."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from interop.errors import MappingError
from interop.knowledge import folder
from interop.mapping.load import read_domain
from interop.mapping.model import DomainMapping
from interop.mapping.verbs import VERBS
from interop.tables import read_yaml

SCHEMA = folder("mappings") / "domain.schema.json"
DOMAINS = sorted((folder("mappings") / "domains").glob("*.yaml"))
FILE = """\
domain: VS
class: Findings
views:
  main: {"resourceType": "ViewDefinition", "status": "draft", "resource": "Observation", "select": [
    {"column": [{"name": "id", "path": "getResourceKey()"},
    {"name": "subject", "path": "subject.getReferenceKey()"},
    {"name": "issued", "path": "issued"}, {"name": "place", "path": "bodySite.text"}]}]}
  part: {"resourceType": "ViewDefinition", "status": "draft", "resource": "Observation", "select": [
    {"column": [{"name": "id", "path": "getResourceKey()"}]},
    {"forEach": "referenceRange", "column": [{"name": "text", "path": "text"}]}]}
from: main
children:
  range: {view: part, on: {id: id}, choose: {first: [text]}}
resource: {resourceType: Observation}
keys: [USUBJID, VSTESTCD]
variables:
  USUBJID:  {usubjid: subject}
  VSTESTCD: {hardcode: NO, origin: Assigned/Sponsor}
  VSORRES:  {hardcode: 1.50}
  VSGRPID:  {hardcode: 012}
  VSDTC:    {dtc: issued}
  VSLOC:    {assign: place, else: {assign: range.text, when: {issued: present}}}
"""

Load = Callable[..., DomainMapping]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(**changes: str) -> DomainMapping:
        text = FILE
        for old, new in changes.items():
            assert FILE.count(old) == 1, old
            text = text.replace(old, new)
        file = tmp_path / "vs.yaml"
        file.write_text(text, encoding="utf-8")
        return read_domain(file, schema=SCHEMA, constants={})

    return loaded


def test_what_is_typed_stays_text(load: Load) -> None:
    variables = load().variables
    typed = {name: variables[name].argument for name in ("VSTESTCD", "VSORRES", "VSGRPID")}
    assert typed == {"VSTESTCD": "NO", "VSORRES": "1.50", "VSGRPID": "012"}


def test_a_variable_knows_its_line_and_its_alternatives(load: Load) -> None:
    place = load().variables["VSLOC"]
    assert place.line == FILE.splitlines().index(next(x for x in FILE.splitlines() if "VSLOC" in x)) + 1
    assert [a.argument for a in place.alternatives] == ["place", "range.text"]
    assert place.alternatives[1].when == {"issued": "present"}


# old text -> new text, the line that is blamed, and what is said.
WRONG = [
    ("keys:", "key:", 15, 'unknown key "key"; did you mean "keys"?'),
    ("origin: Assigned/Sponsor", "origins: x", 18, 'unknown key "origins"; did you mean "origin"?'),
    ("origin: Assigned/Sponsor", "origin: Nobody", 18, "'Nobody' does not match"),
    ("class: Findings", "class: Finding", 2, "'Finding' is not one of"),
    ("keys: [USUBJID, VSTESTCD]\n", "", 1, "'keys' is a required property"),
    ("domain: VS\n", "domain: VS\ndomain: EG\n", 2, '"domain" stands here twice'),
    ("VSGRPID: ", "VSORRES: ", 20, '"VSORRES" stands here twice'),
    ("{dtc: issued}", "{dtc: issued, assign: issued}", 21, "VSDTC has 2 verbs (dtc, assign)"),
    ("{dtc: issued}", "{origin: Assigned/Sponsor}", 21, "VSDTC has no verb"),
    ("{dtc: issued}", "{dtc: issued, many: x}", 21, 'VSDTC: dtc takes no "many"'),
    ("{dtc: issued}", "{dtc: isued}", 21, 'VSDTC: no column "isued"; did you mean "issued"?'),
    ("{dtc: issued}", "{dtc: issued, when: {plce: present}}", 21, 'VSDTC: no column "plce"'),
    ("when: {issued:", "when: {isued:", 22, 'VSLOC: no column "isued"; did you mean "issued"?'),
    ("range.text", "range.txt", 22, 'VSLOC: no column "range.txt"; did you mean "range.text"?'),
    ("{dtc: issued}", "{dtc: issued, put: none}", 21, "VSDTC: put: none needs a loss:"),
    ("{dtc: issued}", "{derive: sec}", 21, 'VSDTC: no derivation "sec"; did you mean "seq"?'),
    ("{dtc: issued}", "{dtc: issued, put: {issued: datTime}}", 21, 'put cannot be "datTime"; did you mean'),
    (
        "keys: [USUBJID, VSTESTCD]",
        "keys: [USUBJD]",
        15,
        'keys: no variable "USUBJD"; did you mean',
    ),
    ("from: main", "from: mian", 11, 'no view "mian"; did you mean "main"?'),
    ("{view: part, on", "{view: prt, on", 13, 'no view "prt"; did you mean "part"?'),
    ('"bodySite.text"', '"bodySite..text"', 4, "path `bodySite..text`, column 10"),
    ("on: {id: id}", "on: {idd: id}", 13, 'range: no column "idd"; did you mean "id"?'),
    ("on: {id: id}", "on: {id: key}", 13, 'range: no column "key" in view "part"'),
    ("domain: VS", "domain: [VS", 2, "not valid YAML"),
]


@pytest.mark.parametrize(("old", "new", "line", "said"), WRONG)
def test_a_wrong_file_is_told_by_its_line(load: Load, old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(**{old: new})
    assert caught.value.line == line
    assert said in caught.value.message
    assert str(caught.value).startswith(f"{caught.value.file}:{line}  ")


def test_a_mapping_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"none\.yaml  cannot be read: No such file"):
        read_domain(tmp_path / "none.yaml", schema=SCHEMA, constants={})


@pytest.mark.parametrize("file", DOMAINS, ids=lambda file: file.stem)
def test_the_json_schema_takes_every_packaged_file(file: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(
        read_yaml(file).data
    )


def test_the_json_schema_is_one_and_refuses_a_wrong_file() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError, match="is a required property"):
        jsonschema.Draft202012Validator(schema).validate({"domain": "VS"})


def test_every_verb_is_in_the_json_schema() -> None:
    known = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]["variable"]["properties"]
    assert set(VERBS) - set(known) == set()
    assert {option for verb in VERBS.values() for option in verb.options} - set(known) == set()
