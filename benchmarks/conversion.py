"""Rows 1, 3, 4, 13 and 14: the whole conversion of laboratory results; its peers only parse or validate.

Each piece of work is a process of its own on one core (`benchmarks.worker`); peers alternate with ours.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.table import Row, seconds

HOME = Path(__file__).resolve().parent
CACHE = HOME / ".cache"


def run(observations: int, *, runs: int) -> tuple[list[Row], str]:
    """Rows of the table, and a line on memory; `runs` pairs are measured for row 1, one for the others."""
    folder = made(observations)
    pairs = [(worked("convert", folder), worked("parse", folder)) for _ in range(runs)]
    ours = statistics.median(convert["seconds"] for convert, _ in pairs)
    parse = statistics.median(parse["seconds"] for _, parse in pairs)
    ratio = statistics.median(parse["seconds"] / convert["seconds"] for convert, parse in pairs)
    both = statistics.median(convert["seconds"] + convert["parquet"] for convert, _ in pairs)
    with_both = statistics.median(
        parse["seconds"] / (convert["seconds"] + convert["parquet"]) for convert, parse in pairs
    )
    validate = worked("validate", folder)["seconds"]
    first = pairs[0][0]
    apart = made(observations, distinct=True)
    slower = [worked("convert", apart)["seconds"] / worked("convert", folder)["seconds"] for _ in range(3)]
    broken = worked("convert", made(observations, malformed=1))
    kept, total = first["kept"]
    lost = first["rows"] - broken["rows"]
    share = 100 * kept / total
    against = validate / ours
    rows = [
        Row(
            "1",
            "FHIR to SDTM, every step / orjson.loads",
            seconds(ours),
            seconds(parse),
            ratio,
            ">= 0.5",
            0.25,
        ),
        Row("1", "the same, Parquet + XPT", seconds(both), seconds(parse), with_both, ">= 0.5", 0.25),
        Row(
            "3",
            "the same, all values distinct / as above, time",
            seconds(statistics.median(slower) * ours),
            seconds(ours),
            statistics.median(slower),
            "<= 1.7",
            4.0,
            " times",
        ),
        Row("4", "same / fhir.resources validation", seconds(ours), seconds(validate), against, ">= 20", 8),
        Row(
            "13",
            "rows lost to a malformed line",
            f"{broken['rows']}",
            f"{first['rows']}",
            lost,
            "0",
            0,
            " rows",
        ),
        Row("14", "numbers whose text is kept", f"{kept}", f"{total}", share, "100 %", 100, " %"),
    ]
    return rows, f"peak memory of the conversion: {first['memory']:.0f} MB for {observations} results"


def made(observations: int, *, malformed: int = 0, distinct: bool = False) -> Path:
    """Folder of generated resources; made once, then kept."""
    name = f"{observations}" if not malformed else f"{observations}-{malformed}"
    folder = CACHE / (f"{name}-distinct" if distinct else name)
    if not (folder / ".done").is_file():
        generate = HOME.parent / "samples" / "generate.py"
        wanted = ["--out", str(folder), "--observations", str(observations), "--malformed", str(malformed)]
        wanted += ["--distinct"] * distinct
        subprocess.run([sys.executable, str(generate), *wanted], check=True)
        (folder / ".done").touch()
    return folder


def worked(work: str, folder: Path) -> dict[str, Any]:
    """What a piece of work says of itself, done in a process of its own with one thread."""
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.worker", work, str(folder)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=HOME.parent, env=environment
    )
    return dict(json.loads(done.stdout))
