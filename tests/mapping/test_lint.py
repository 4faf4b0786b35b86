import shutil
from pathlib import Path

import pytest

from interop import Study
from interop.knowledge import folder

BUILT_IN = folder("mappings") / "studies" / "NCT04324411"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILT_IN, tmp_path / "study"))


def laid_over(home, variable):
    """The study with one line of LB in place of the packaged one."""
    file = home / "study.yaml"
    own = f"overlay:\n  LB:\n    variables:\n      {variable}\n"
    file.write_text(file.read_text(encoding="utf-8").replace("overlay:\n", own), encoding="utf-8")


def found(home, variable):
    laid_over(home, variable)
    known = {str(issue) for issue in Study.load(BUILT_IN).lint()}
    issues = [issue for issue in Study.load(home).lint() if str(issue) not in known]
    return [(i.rule, i.severity, i.where.variable, i.value) for i in issues if i.severity != "information"]


def test_the_built_in_study_has_no_error():
    assert Study.load(BUILT_IN).lint().failed is False


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (
            "LBSTAT: {hardcode: DONE, codelist: C66789, origin: Collected/Vendor}",
            ("STUDY-CT-001", "error", "LBSTAT", "C66789 DONE"),
        ),
        (
            "LBSPEC: {hardcode: TEARS OF JOY, codelist: C78734, origin: Collected/Vendor}",
            ("STUDY-CT-002", "warning", "LBSPEC", "C78734 TEARS OF JOY"),
        ),
        (
            "LBNAM: {assign: laboratory.name, put: {sampled: value}, origin: Collected/Vendor}",
            ("STUDY-PUT-001", "error", "LBNAM", "sampled"),
        ),
    ],
)
def test_a_doubtful_variable_is_named_with_its_rule(home, variable, expected):
    assert expected in found(home, variable)


def test_a_column_that_nothing_reads_any_more_is_idle(home):
    laid_over(home, "LBREFID: ~")
    idle = [issue.value for issue in Study.load(home).lint() if issue.rule == "STUDY-VIEW-003"]
    assert "specimen.accession" in idle
