import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.table import Row

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_the_table_has_every_row_that_the_plan_asks_for():
    command = [sys.executable, "-m", "benchmarks", "--observations", "2000", "--runs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    head, *rows, memory = done.stdout.splitlines()
    assert head.split() == ["#", "what", "ours", "peer", "figure", "plan", "hold"]
    assert [row.split()[0] for row in rows] == ["1", "1", "3", "4", "9", "10", "11", "11", "13", "14", "15"]
    assert memory.startswith("peak memory")


def test_what_counts_losses_must_not_exceed_its_hold():

    lost = [Row("13", "rows lost", "", "", rows, "0", 0, " rows").holds for rows in (0, 1)]
    faster = [Row("1", "ratio", "", "", ratio, "", 0.25).holds for ratio in (0.2, 0.3)]
    assert (lost, faster) == ([True, False], [False, True])
