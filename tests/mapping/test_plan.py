"""The order of work: what each step needs stands before it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from interop import study as study_module
from interop.errors import MappingError
from interop.knowledge import folder
from interop.mapping.load import read_domain
from interop.mapping.model import DomainMapping
from interop.mapping.plan import Step, plan
from interop.study import Study

VIEW = (
    '{"resourceType": "ViewDefinition", "status": "draft", "resource": "Observation", "select": [{"column": ['
    '{"name": "id", "path": "getResourceKey()"},'
    '{"name": "subject", "path": "subject.getReferenceKey()"},'
    '{"name": "issued", "path": "issued"}]}]}'
)
SMALL = """
domain: {domain}
class: Findings
views: {{main: {view}}}
from: main
resource: {{resourceType: Observation}}
keys: [USUBJID]
variables:
  USUBJID: {{usubjid: subject}}
{variables}
"""

Write = Callable[..., DomainMapping]


@pytest.fixture
def mapping(tmp_path: Path) -> Write:
    def written(domain: str, *variables: str) -> DomainMapping:
        file = tmp_path / f"{domain.lower()}.yaml"
        lines = "\n".join(f"  {line}" for line in variables)
        file.write_text(SMALL.format(domain=domain, view=VIEW, variables=lines), encoding="utf-8")
        return read_domain(file, schema=folder("mappings") / "domain.schema.json", constants={})

    return written


def test_the_order_is_pinned(study: Study) -> None:
    """When a mapping changed on purpose, ``plan.txt`` is what `Study.load().plan.steps` prints now."""
    pinned = Path(__file__).with_name("plan.txt").read_text(encoding="utf-8").splitlines()
    assert [str(step) for step in study.plan.steps] == pinned


def test_every_step_stands_once(study: Study) -> None:
    assert len(set(study.plan.steps)) == len(study.plan.steps)


def test_a_variable_stands_after_what_it_reads(mapping: Write) -> None:
    made = mapping("VS", "VSDTC: {assign: VSENDTC}", "VSENDTC: {dtc: issued}", "VSSEQ: {derive: seq}")
    assert [str(step) for step in plan({"VS": made})] == [
        "rows     VS",
        "variable VS.USUBJID",
        "variable VS.VSENDTC",
        "variable VS.VSDTC",
        "settle   VS",
        "derive   VS.VSSEQ",
    ]


def test_what_reads_another_domain_waits_for_its_records(mapping: Write) -> None:
    vs = mapping("VS", "VSDTC: {dtc: issued}", "VSDY: {derive: study_day, from: [VSDTC, EG.EGDTC]}")
    eg = mapping("EG", "EGDTC: {dtc: issued}")
    order = plan({"VS": vs, "EG": eg})
    assert order[-1] == Step("VS", "derive", "VSDY")
    assert order.index(Step("EG", "settle")) < order.index(Step("VS", "derive", "VSDY"))


def test_a_circle_names_its_steps(mapping: Write) -> None:
    made = mapping("VS", "VSDTC: {assign: VSENDTC}", "VSENDTC: {assign: VSDTC}")
    with pytest.raises(MappingError, match=r"need each other: .*VS\.VSDTC.*VS\.VSENDTC.*"):
        plan({"VS": made})


def test_a_circle_between_domains_is_found(mapping: Write) -> None:
    vs = mapping("VS", "VSDTC: {derive: earliest, from: [EG.EGDTC]}")
    eg = mapping("EG", "EGDTC: {derive: earliest, from: [VS.VSDTC]}")
    with pytest.raises(MappingError, match=r"derive +VS\.VSDTC"):
        plan({"VS": vs, "EG": eg})


def test_a_new_mapping_file_is_a_new_domain(
    mapping: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mappings"
    shutil.copytree(folder("mappings"), own)
    mapping("VS", "VSDTC: {dtc: issued}").file.rename(own / "domains" / "vs.yaml")
    monkeypatch.setattr(study_module, "folder", lambda name: tmp_path / name)
    home = tmp_path / "my_study"
    home.mkdir()
    built_in = folder("mappings") / "studies" / "NCT04324411"
    shutil.copytree(built_in / "concepts", home / "concepts")
    (home / "study.yaml").write_text("{id: X, site: S, country: CHN, zone: UTC}", encoding="utf-8")
    packaged = sorted(file.stem.upper() for file in (folder("mappings") / "domains").glob("*.yaml"))
    assert list(Study.load(home).mappings) == sorted([*packaged, "VS"])


def test_a_variable_that_no_domain_gives_is_told(mapping: Write) -> None:
    vs = mapping("VS", "VSDTC: {derive: earliest, from: [EG.EGDCT]}")
    eg = mapping("EG", "EGDTC: {dtc: issued}")
    with pytest.raises(
        MappingError, match=r'no variable "EG\.EGDCT", which VS reads; did you mean "EGDTC"\?'
    ):
        plan({"VS": vs, "EG": eg})
