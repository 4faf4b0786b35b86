"""The wheel, installed in a fresh environment, away from the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

KNOWLEDGE = ("fhir_profiles", "mappings", "samples/pumch", "sdtm")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))
    }
    return subprocess.run(
        command,
        cwd=cwd,
        env={**environment, "PYTHONUTF8": "1"},
        check=False,
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=root)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The commands of an environment that holds the wheel and borrows its dependencies from ours."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(place, with_pip=False)
    commands = place / ("Scripts" if os.name == "nt" else "bin")
    pip = (sys.executable, "-m", "pip", "--python", commands / "python")
    done = run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=place)
    assert done.returncode == 0, done.stderr
    where = sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)})
    # A plain path: what our own .pth files add, the checkout among them, is not followed.
    (Path(where) / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return commands


def test_the_wheel_holds_the_knowledge_folders(root, wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name.removeprefix("interop/_data/") for name in archive.namelist() if "/_data/" in name}
    here = {
        path.relative_to(root).as_posix()
        for folder in KNOWLEDGE
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == here
    assert {name.split("/")[0] for name in held} == {folder.split("/")[0] for folder in KNOWLEDGE}


def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"interop", "fhir_sdtm_interop-0.1.0.dist-info"}
    assert "interop/py.typed" in names


def test_the_installed_package_is_not_the_checkout(root, installed, tmp_path):
    asked = "import interop, interop.knowledge as k; print(interop.__file__, k.folder('mappings'), sep='\\n')"
    done = run(installed / "python", "-c", asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for place in done.stdout.splitlines():
        assert Path(place).is_relative_to(installed.parent), place
        assert not Path(place).is_relative_to(root)


def test_the_installed_command_runs_the_demo_from_another_folder(installed, tmp_path):
    done = run(installed / "interop", "demo", "--out", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.stem.upper() for path in (tmp_path / "demo/sdtm").glob("*.xpt")} >= {"DM", "LB", "EC"}
