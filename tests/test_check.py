"""The command `check`, as a user meets it."""

import json

import pytest
from typer.testing import CliRunner

from interop.cli import app
from interop.render import FORMATS

GOOD = '{"resourceType":"Basic","id":"b1","code":{"text":"a"}}\n'
TWICE = '{"resourceType":"Basic","id":"b2","code":{"text":"a","text":"b"}}\n'


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, ["check", *map(str, arguments)], input=stdin)


def test_a_clean_source_is_exit_0_and_an_error_exit_1(tmp_path):
    (tmp_path / "a.ndjson").write_text(GOOD, encoding="utf-8")
    assert (run(tmp_path).exit_code, run(tmp_path).stdout) == (0, "no issues\n")
    (tmp_path / "a.ndjson").write_text(GOOD + TWICE, encoding="utf-8")
    done = run(tmp_path / "a.ndjson", "--rules", "fhir")
    assert done.exit_code == 1
    assert done.stdout.startswith(
        "error FHIR-JSON-001 file=a.ndjson line=2 resource=Basic/b2 path=Basic.code.text:"
    )
    assert done.stdout.endswith("\n1 error\n")


def test_standard_input_and_json_alone_on_standard_output():
    done = run("-", "--json", stdin=GOOD + TWICE)
    assert [issue["where"]["line"] for issue in json.loads(done.stdout)["issues"]] == [2]


@pytest.mark.parametrize("form", FORMATS)
def test_out_is_written_in_each_form_and_not_replaced_unasked(tmp_path, form):
    (tmp_path / "a.ndjson").write_text(TWICE, encoding="utf-8")
    out = tmp_path / "out" / "issues"
    done = run(tmp_path / "a.ndjson", "--format", form, "--out", out)
    assert (done.exit_code, done.stdout) == (1, "")
    assert out.read_text(encoding="utf-8") == run(tmp_path / "a.ndjson", "--format", form).stdout
    assert run(tmp_path / "a.ndjson", "--out", out).exit_code == 3
    assert run(tmp_path / "a.ndjson", "--out", out, "--force").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{tmp}", "--rules", "sdtm"], 2, "no rule set 'sdtm'; there are all, fhir"),
        (["{tmp}", "--format", "pdf"], 2, "no format 'pdf'; there are text,"),
        (["{tmp}/nowhere"], 3, "nowhere: no such file or folder"),
        (["{tmp}/sdtm"], 3, "sdtm: holds datasets; there are rules for FHIR sources only (fhir)"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "sdtm").mkdir()
    (tmp_path / "sdtm" / "dm.xpt").touch()
    done = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
