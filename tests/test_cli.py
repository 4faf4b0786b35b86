import json
import shutil
import sys

import pytest
from typer.testing import CliRunner

from interop.cdisc.xpt_read import read_xpt
from interop.cli import app

PATIENT = '{"resourceType": "Patient", "id": "p1", "gender": "female"}\n'
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category"
RESULT = (
    '{"resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"}, '
    f'"category": [{{"coding": [{{"system": "{LABORATORY}", "code": "laboratory"}}]}}], '
    '"code": {"text": "X1"}, "valueString": "high"}\n'
)


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def patients(tmp_path):
    folder = tmp_path / "fhir"
    folder.mkdir()
    (folder / "Patient.ndjson").write_text(PATIENT, encoding="utf-8")
    return folder


def test_the_demo_ends_with_its_counts_and_the_expected_issues(tmp_path):
    done = run("demo", "--out", tmp_path / "demo")
    assert done.exit_code == 0, done.output
    assert "LB       Laboratory Test Results" in done.stdout
    assert "The issues are those that the sample was made to have." in done.stdout
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["sdtm"]


def test_the_demo_shows_how_other_issues_differ_and_exits_1(tmp_path, root, monkeypatch):
    shutil.copytree(root / "samples/pumch", tmp_path / "samples/pumch")
    (tmp_path / "samples/pumch/expected/issues.json").write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr(sys.modules["interop.cli.to_sdtm"], "folder", lambda name: tmp_path / name)
    done = run("demo", "--out", tmp_path / "demo", "-q")
    assert done.exit_code == 1
    assert done.stderr.startswith("--- expected\n+++ made\n")


def test_to_sdtm_writes_the_formats_asked_for(patients, tmp_path):
    done = run("to-sdtm", patients, "--out", tmp_path / "out", "--format", "xpt,csv", "--enrol-all", "-q")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out/csv/dm.csv").is_file()
    assert [member.name for member in read_xpt(tmp_path / "out/dm.xpt")] == ["DM"]


def test_json_stands_alone_on_stdout(patients, tmp_path):
    done = run("to-sdtm", patients, "--out", tmp_path / "out", "--json", "--enrol-all")
    assert json.loads(done.stdout)["datasets"] == {"DM": 1, "EC": 0, "EX": 0, "LB": 0, "AE": 0}


def test_several_sources_are_one_and_a_dash_is_standard_input(patients, tmp_path):
    done = run("to-sdtm", patients, "-", "--out", tmp_path / "out", "--json", stdin=RESULT + "{")
    assert done.exit_code == 1, done.output
    ledger = json.loads((tmp_path / "out/_interop/ledger.json").read_text(encoding="utf-8"))
    assert [(entry["file"], entry["type"]) for entry in ledger["by"]] == [
        ("fhir/Patient.ndjson", "Patient"),
        ("stdin/stdin", ""),
        ("stdin/stdin", "Observation"),
    ]


@pytest.mark.parametrize(("flag", "counted"), [("--census", True), ("--no-census", False), (None, True)])
def test_a_census_is_made_unless_refused(patients, tmp_path, flag, counted):
    with (patients / "Patient.ndjson").open("a", encoding="utf-8") as file:
        file.write('{"resourceType": "Encounter", "id": "e1"}\n')
    run("to-sdtm", patients, "--out", tmp_path / "out", *([flag] if flag else []))
    ledger = json.loads((tmp_path / "out/_interop/ledger.json").read_text(encoding="utf-8"))
    assert ("Encounter" in ledger["elements"]) is counted


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["to-sdtm", "{patients}", "--out", "{tmp}/out"], 0, ""),
        (["to-sdtm", "{tmp}/nowhere", "--out", "{tmp}/out"], 3, "nowhere: no such file or folder"),
        (["to-sdtm", "{patients}", "--out", "{patients}"], 3, "not empty"),
        (["to-sdtm", "{patients}", "--out", "{tmp}/out", "--format", "sas"], 2, "no format 'sas'"),
        (["to-sdtm", "{patients}", "--out", "{tmp}/out", "--study", "NCT1"], 3, "no study.yaml in NCT1"),
        (["to-sdtm", "{patients}"], 2, "--out"),
        (["explain", "XX"], 3, "no mapping for XX"),
        (["to-fhir", "{patients}"], 2, "No such command"),
        (["study", "lint", "NCT04324411"], 0, ""),
    ],
)
def test_the_exit_code_says_what_happened_and_an_error_is_one_line(patients, tmp_path, arguments, code, said):
    done = run(*(argument.format(patients=patients, tmp=tmp_path) for argument in arguments))
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert code != 3 or done.stderr.count("\n") == 1


def test_debug_shows_the_traceback():
    done = run("explain", "XX", "--debug")
    assert done.exit_code == 3
    assert "Traceback" in done.stderr


def test_explain_tells_a_domain_or_a_variable():
    assert "LBORRES   Exp  result" in run("explain", "LB").stdout
    assert "(view lab)" in run("explain", "LB.LBORRES").stdout
    story = json.loads(run("explain", "LB.LBORRES", "--json").stdout)[0]
    assert story["alternatives"][0]["verb"] == "result"


def test_unmapped_prints_codes_and_writes_them(tmp_path):
    source = tmp_path / "source.ndjson"
    source.write_text(PATIENT + RESULT, encoding="utf-8")
    done = run("unmapped", source, "--out", tmp_path / "lab.csv")
    assert done.exit_code == 0, done.output
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:]] == [["1", "x1", "text"]]
    assert "1 codes written" in done.stderr
    assert json.loads(run("unmapped", source, "--json").stdout)[0]["examples"] == ["Observation/o1"]


def test_study_show_prints_the_study_and_its_plan():
    shown = run("study", "show").stdout
    assert "id: NCT04324411\n" in shown
    assert "  study.armcd: ARMCD SIRATRA" in shown
    assert "  LB: " in shown
    steps = run("study", "show", "--plan").stdout.splitlines()
    assert steps.index("derive   DM.RFXSTDTC") < steps.index("derive   LB.LBLOBXFL")
    assert json.loads(run("study", "show", "--plan", "--json").stdout)["plan"] == steps


def test_study_lint_counts_what_it_found_and_fails_on_an_error(tmp_path, root):
    home = shutil.copytree(root / "mappings/studies/NCT04324411", tmp_path / "study")
    assert "NCT04324411: 5 domains" in run("study", "lint", home).stdout
    file = home / "study.yaml"
    wrong = "overlay:\n  LB:\n    variables:\n      LBSTAT: {hardcode: DONE, codelist: C66789}\n"
    file.write_text(file.read_text(encoding="utf-8").replace("overlay:\n", wrong), encoding="utf-8")
    done = run("study", "lint", home)
    assert done.exit_code == 1
    assert "STUDY-CT-001" in done.stdout


def test_the_version_is_that_of_the_distribution():
    assert run("--version").stdout.startswith("interop ")
