import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = shutil.which("lint-imports", path=Path(sys.executable).parent)
    assert command, "import-linter is not installed beside this Python"
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(folder)}
    return subprocess.run(
        [command, "--no-cache"], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    shutil.copy(root / "pyproject.toml", tmp_path)
    shutil.copytree(root / "interop", tmp_path / "interop", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_room_imports_downwards_only(root):
    done = lint_imports(root)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        (
            "fhir/heard.py",
            "import interop.cdisc.standard",
            "Rooms import downwards only, and neighbours not at all",
        ),
        (
            "cdisc/heard.py",
            "import interop.mapping.model",
            "Rooms import downwards only, and neighbours not at all",
        ),
        ("mapping/heard.py", "import pandas", "pandas stays in to_pandas and from_pandas"),
        ("mapping/heard.py", "import numpy", "numpy stays in the XPT files"),
    ],
)
def test_an_import_that_climbs_or_strays_is_refused(copy, module, line, contract):
    (copy / "interop" / module).write_text(f"{line}\n", encoding="utf-8")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout
