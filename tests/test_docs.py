"""What the pages say is there, and what is there is on the pages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from interop.cli import app
from interop.mapping.choosers import CHOOSERS
from interop.mapping.derive import DERIVATIONS
from interop.mapping.ledger import DISPOSITIONS
from interop.mapping.load import SHARED
from interop.mapping.verbs import VERBS
from interop.study import Study

LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
MACHINE = re.compile(r"(?<![\w.])/(?:work|tmp|home|root|Users)/")
NEGLECTED = {"build", "node_modules", "demo"}


def pages(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.rglob("*.md")
        if not NEGLECTED.intersection(parts := path.relative_to(root).parts)
        and not any(part.startswith(".") for part in parts)
    )


def fences(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def commands(command, path=()):
    """Every command with its words, groups left out."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(" ".join(path), command)]
    return [found for name, below in inner.items() for found in commands(below, (*path, name))]


COMMANDS = commands(get_command(app))


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def verbs_page(root):
    return (root / "docs" / "verbs.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def form_page(root):
    return (root / "docs" / "mapping-files.md").read_text(encoding="utf-8")


def missing(names, page: str) -> list[str]:
    """Names that do not stand on a page as code."""
    code = set(re.findall(r"[\w.-]+", " ".join(re.findall(r"`([^`\n]+)`", page))))
    return sorted(set(names) - code)


def rows(page: str, part: str) -> dict[str, str]:
    """The table of a section: first cell, without its code marks -> the rest of the line."""
    section = page.partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| `(\w+)` \|(.*)$", section, re.MULTILINE)
    return dict(lines)


def test_every_verb_has_a_line_with_its_options_and_its_way_back(verbs_page):
    words = {"E": "exact", "L": "lookup", "C": "carrier", "D": "derived"}
    told = rows(verbs_page, "Verbs")
    assert sorted(told) == sorted(VERBS)
    for name, verb in VERBS.items():
        assert (name, missing(verb.options, told[name])) == (name, [])
        assert (name, told[name].rpartition(" | ")[2].split()[0].strip(",:")) == (name, words[verb.inverse])


@pytest.mark.parametrize(("part", "registry"), [("Derivations", DERIVATIONS), ("Choosers", CHOOSERS)])
def test_every_derivation_and_chooser_has_a_line(verbs_page, part, registry):
    assert sorted(rows(verbs_page, part)) == sorted(registry)


def test_every_key_of_a_mapping_file_and_of_a_study_is_described(root, form_page):
    domain = json.loads((root / "mappings/domain.schema.json").read_text(encoding="utf-8"))
    study = json.loads((root / "mappings/study.schema.json").read_text(encoding="utf-8"))
    assert missing(domain["properties"], form_page) == []
    assert missing(SHARED, form_page) == []
    in_example = set(re.findall(r"^(\w+):", "".join(fences(form_page, "yaml")), re.MULTILINE))
    assert missing(set(study["properties"]) - in_example - {"title"}, form_page) == []


def test_the_example_of_a_study_is_a_study(tmp_path, form_page):
    (text,) = [fence for fence in fences(form_page, "yaml") if fence.startswith("id: ")]
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "concepts").mkdir()
    table = "system,code,target\nurn:hospital:drug,D1,DRUG\n"
    (tmp_path / "concepts" / "study-drug.csv").write_text(table, encoding="utf-8")
    study = Study.load(tmp_path)
    assert study.id == "NCT00000000"
    assert "LBNAM" not in study.mappings["LB"].variables
    assert study.mappings["LB"].variables["LBMETHOD"].argument == "gate.method"


def test_the_line_that_adds_a_local_code_makes_it_a_record(tmp_path, root, readme):
    (line,) = fences(readme, "csv")
    own, builtin = tmp_path / "concepts", root / "mappings" / "studies" / "NCT04324411"
    own.mkdir()
    for file in (builtin / "concepts").iterdir():
        (own / file.name).write_bytes(file.read_bytes())
    (tmp_path / "study.yaml").write_bytes((builtin / "study.yaml").read_bytes())
    with (own / "lab.csv").open("a", encoding="utf-8", newline="\n") as table:
        table.write(line)
    system, code, *_ = line.split(",")
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
    sent = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "valueQuantity": {"value": 98.0, "code": "g/L", "system": "http://unitsofmeasure.org"},
    }
    source = [{"resourceType": "Patient", "id": "p1"}, sent]
    before = Study.load(builtin).to_sdtm(source, enrol_all=True)
    after = Study.load(tmp_path).to_sdtm(source, enrol_all=True)
    assert [issue.rule for issue in before.issues if issue.where.dataset == "LB"] == ["MAP-CODE-001"]
    told = after.datasets["LB"].frame.select("LBTESTCD", "LBORRES", "LBORRESU", "LBSPEC")
    assert told.rows() == [("HGB", "98.0", "g/L", "BLOOD")]


def test_every_disposition_is_described(root):
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| ([a-z ]+) \|", page.partition("## The ledger")[2], re.MULTILINE)
    assert told[1 : len(DISPOSITIONS) + 2] == [*DISPOSITIONS, "unreadable"]  # in their order of precedence


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_has_help_and_is_in_the_readme(name, command, readme):
    assert command.help
    assert f"interop {name}" in readme
    helpless = [p.name for p in command.params if not p.help and isinstance(p, typer.core.TyperOption)]
    assert helpless == []


def test_every_command_line_of_the_readme_is_one(readme):
    told = re.findall(r"^\$ interop (.+)$", "".join(fences(readme, "console")), re.MULTILINE)
    known = dict(COMMANDS)
    assert told
    for line in told:
        name = next(
            name for name in sorted(known, key=len, reverse=True) if f"{line} ".startswith(f"{name} ")
        )
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert (line, set(re.findall(r"--[\w-]+", line)) - options) == (line, set())


def test_what_the_readme_makes_is_in_the_makefile(root, readme):
    targets = re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    asked = re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", readme, re.MULTILINE)
    assert {first or second for first, second in asked} <= set(targets)
    assert {"demo", "test"} <= {first or second for first, second in asked}


def test_the_plain_commands_are_those_of_the_makefile(root, readme):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    assert "-c constraints.txt -e '.[dev]'" in makefile
    assert ".venv/bin/python -m pip install -c constraints.txt -e '.[dev]'" in readme
    assert "$(BIN)/interop demo --out demo --force" in makefile
    assert ".venv/bin/interop demo --out demo --force" in readme


def test_the_script_of_the_readme_prints_what_the_readme_shows(root, readme):
    (script,), (shown,) = fences(readme, "python"), fences(readme, "text")
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONUTF8": "1"},
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert run.stdout == shown


def test_the_demo_table_of_the_readme_is_what_the_sample_gives(root, readme):
    expected = json.loads((root / "samples/pumch/expected/ledger.json").read_text(encoding="utf-8"))
    told = ", ".join(f"{n} {fate}" for fate, n in expected["dispositions"].items() if n)
    assert f"{expected['read']} resources read: {told}" in readme
    for dataset, counts in expected["rows"].items():
        assert re.search(rf"^{dataset} .*? {counts['rows']} ", readme, re.MULTILINE), dataset


def test_every_link_leads_somewhere(root):
    lost = [
        f"{page.relative_to(root).as_posix()}: {link}"
        for page in pages(root)
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert lost == []


def test_no_page_names_a_place_of_one_machine(root):
    found = [
        page.relative_to(root).as_posix()
        for page in pages(root)
        if MACHINE.search(page.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_decisions_are_numbered_without_gaps_and_say_what_the_first_asks(root):
    found = sorted((root / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in found] == list(range(1, len(found) + 1))
    for number, page in enumerate(found, start=1):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. "), page.name
        for word in ("**Status:**", "**Context.**", "**Decision.**", "**Consequences.**"):
            assert word in text, f"{page.name}: {word}"
