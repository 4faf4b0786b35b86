"""Issues as a reader sees them, whatever a stranger has put into names and values."""

import csv
import io
import json
import re

import pytest

from interop.errors import OutputError
from interop.issues import Issue, Issues, Location
from interop.render import FORMATS, write_issues

NASTY = "=cmd|'/c calc'!A0<script>alert(1)</script>\n\x1b[2J&"
ISSUES = Issues(
    [
        Issue("R-1", "error", "structure", "wrong", Location(file="a.ndjson", line=3, path="Patient.id")),
        Issue("R-1", "error", "structure", "wrong", count=7),
        Issue("R-2", "warning", "value", NASTY, Location(file=NASTY), NASTY),
    ]
)
NONE = Issues()


@pytest.mark.parametrize("form", FORMATS)
def test_no_form_lets_a_name_run_or_move_the_cursor(form):
    made = FORMATS[form](ISSUES)
    assert "\x1b" not in made
    assert form not in ("html", "operation-outcome") or made.isascii()
    assert form != "html" or "<script" not in made


def test_text_is_a_line_per_issue_and_a_sum():
    assert FORMATS["text"](ISSUES).splitlines()[:2] == [
        "error R-1 : wrong (7 times)",
        "error R-1 file=a.ndjson line=3 path=Patient.id: wrong",
    ]
    assert FORMATS["text"](ISSUES).endswith("\n8 error, 1 warning\n")
    assert FORMATS["text"](NONE) == "no issues\n"


def test_json_has_counts_and_issues():
    made = json.loads(FORMATS["json"](ISSUES))
    assert (made["counts"]["error"], len(made["issues"])) == (8, 3)
    assert json.loads(FORMATS["json"](NONE))["issues"] == []


def test_csv_has_no_cell_that_a_spreadsheet_runs():
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](ISSUES))))
    assert [(row["rule"], row["line"], row["count"]) for row in rows] == [
        ("R-1", "", "7"),
        ("R-1", "3", "1"),
        ("R-2", "", "1"),
    ]
    assert not [cell for row in rows for cell in row.values() if re.match(r"[=+\-@\t\r]", cell)]


def test_html_is_one_page_without_anything_from_elsewhere():
    made = FORMATS["html"](ISSUES)
    assert "<p>8 error, 1 warning</p>" in made
    assert made.count("<tr") == 4
    assert not re.search(r"https?://|<(?:script|link|img|iframe)\b", made)


def test_an_operation_outcome_names_the_rule_as_its_first_coding():
    made = json.loads(FORMATS["operation-outcome"](ISSUES))
    assert made["resourceType"] == "OperationOutcome"
    assert [issue["details"]["coding"][0]["code"] for issue in made["issue"]] == ["R-1", "R-1", "R-2"]
    assert made["issue"][1]["expression"] == ["Patient.id"]
    assert [issue["severity"] for issue in json.loads(FORMATS["operation-outcome"](NONE))["issue"]] == [
        "information"
    ]


@pytest.mark.parametrize("issues", [ISSUES, NONE], ids=["some", "none"])
def test_an_operation_outcome_is_legal_fhir(issues, tmp_path):
    from interop.checks.source import check_fhir  # noqa: PLC0415  it checks its own words
    from interop.fhir.source import open_source  # noqa: PLC0415

    (tmp_path / "o.json").write_text(FORMATS["operation-outcome"](issues), encoding="utf-8")
    assert list(check_fhir(open_source(tmp_path))) == []


def test_a_file_is_written_whole_and_replaced_only_when_asked(tmp_path):
    path = tmp_path / "made" / "issues.html"
    write_issues(ISSUES, path, form="html")
    with pytest.raises(OutputError, match="exists; name another file"):
        write_issues(NONE, path, form="text")
    write_issues(NONE, path, form="text", force=True)
    assert [file.name for file in path.parent.iterdir()] == ["issues.html"]
    assert path.read_text(encoding="utf-8") == "no issues\n"
    with pytest.raises(OutputError, match="cannot be written"):
        write_issues(NONE, path / "below", form="text")
