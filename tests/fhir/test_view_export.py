"""The views of a study as plain ViewDefinitions: complete in themselves, and the same to another engine."""

import json
import shutil

import pytest
from suites import peer_views
from typer.testing import CliRunner

from interop.cli import app
from interop.errors import OutputError
from interop.fhir.definition import plain_definition
from interop.fhir.view import View
from interop.knowledge import folder
from interop.mapping.definitions import definition_json, write_definitions
from interop.study import Study

VIEWS = Study.load().views()


def show(*arguments):
    return CliRunner().invoke(app, ["study", "show", "--views", *map(str, arguments)])


@pytest.fixture
def other_study(tmp_path):
    """A study whose own system of local codes is another than the packaged one."""
    home = tmp_path / "study"
    shutil.copytree(folder("mappings") / "studies" / "NCT04324411", home)
    text = (home / "study.yaml").read_text(encoding="utf-8")
    (home / "study.yaml").write_text(
        text.replace("local: urn:pumch:lis", "local: urn:other"), encoding="utf-8"
    )
    return home


@pytest.mark.parametrize("name", VIEWS)
def test_another_engine_gives_the_same_rows(name):
    assert peer_views.comparisons()[name].unexplained == ()


@pytest.mark.parametrize("why", peer_views.BEYOND_PEER)
def test_what_the_peer_cannot_do_is_still_so(why):
    assert [name for name, found in peer_views.comparisons().items() if why in found.beyond]


def test_every_view_has_rows_to_compare():
    assert [name for name, found in peer_views.comparisons().items() if not found.rows] == []


@pytest.mark.parametrize(("name", "definition"), VIEWS.items())
def test_a_plain_view_is_the_views_own(name, definition):
    place, _, view = name.partition(".")
    study = Study.load()
    own = study.plan.roster_views if place == "roster" else study.mappings[place.upper()].views
    plain = json.loads(definition_json(definition))
    loaded = View.load(plain)
    assert (loaded.where, loaded.clause) == (own[view].where, own[view].clause)
    assert plain["name"] == name.replace(".", "_")


def test_a_constant_has_the_value_of_the_study(other_study):
    constants = Study.load(other_study).views()["lb.lab"]["constant"]
    assert {"name": "local", "valueString": "urn:other"} in constants


def test_constants_are_json_values_of_their_types():
    definition = {
        "resource": "Observation",
        "constant": [
            {"name": "a", "valueInteger": "7"},
            {"name": "b", "valueDecimal": "1.50"},
            {"name": "c", "valueBoolean": "true"},
            {"name": "d", "valueDate": "2020-05"},
            {"name": "e", "valueString": "7"},
        ],
        "select": [{"column": [{"name": "id", "path": "id"}]}],
    }
    made = definition_json(plain_definition(definition, name="v", constants={"a": "8"})).decode()
    values = [line.split(": ")[1] for line in made.splitlines() if '"value' in line]
    assert values == ["8", "1.50", "true", '"2020-05"', '"7"']


def test_without_a_folder_all_views_are_one_array_on_stdout():
    done = show()
    assert done.exit_code == 0
    assert [view["name"] for view in json.loads(done.stdout)] == [name.replace(".", "_") for name in VIEWS]


def test_with_a_folder_each_view_is_a_file(tmp_path):
    done = show("--out", tmp_path / "views")
    assert done.exit_code == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "views").iterdir()}
    assert files == {f"{name}.json": definition_json(view) for name, view in VIEWS.items()}


def test_a_folder_with_something_in_it_is_refused_and_forced(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "xx.old.json").write_bytes(definition_json(VIEWS["lb.lab"]))
    (tmp_path / "my.own.json").write_text("{}", encoding="utf-8")
    refused = show("--out", tmp_path)
    assert (refused.exit_code, "exists and is not empty" in refused.stderr) == (3, True)
    assert show("--out", tmp_path, "--force").exit_code == 0
    left = {path.name for path in tmp_path.iterdir()} - {f"{name}.json" for name in VIEWS}
    assert left == {"mine.txt", "my.own.json"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "views").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is a file; a folder is needed"):
        write_definitions(VIEWS, tmp_path / "views", force=True)


@pytest.mark.parametrize("arguments", [["--plan", "--views"], ["--out", "views"]])
def test_options_that_do_not_go_together_are_a_wrong_call(arguments):
    done = CliRunner().invoke(app, ["study", "show", *arguments])
    assert done.exit_code == 2
