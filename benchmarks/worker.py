"""One measured piece of work in a process of its own, on one core: prints what it took as JSON.

    python -m benchmarks.worker convert benchmarks/.cache/200000

Times are CPU seconds of the work, without imports; on one core of an idle machine that is the time it takes.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LINES = 5_000  # that fhir.resources validates; the time is scaled to all


def convert(folder: Path) -> dict[str, Any]:
    """FHIR to datasets, lineage, issues and ledger on disk, with every step on; loading the study counts.

    `parquet` is what writing the same datasets as Parquet takes after that.
    """
    from interop.cdisc.formats import write  # noqa: PLC0415  # imports stand outside of the time
    from interop.mapping.sidecars import write_result  # noqa: PLC0415  # imports stand outside of the time
    from interop.study import Study  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as out:
        start = time.process_time()
        result = Study.load().to_sdtm(folder)
        write_result(result, Path(out, "sdtm"))
        took = time.process_time() - start
        start = time.process_time()
        write(result.datasets, Path(out, "more"), formats=["parquet"])
        parquet = time.process_time() - start
    observations = result.datasets["LB"].frame
    return {
        "seconds": took,
        "parquet": parquet,
        "rows": observations.height,
        "memory": _memory(),
        "kept": _kept(folder, observations),
    }


def parse(folder: Path) -> dict[str, Any]:
    """`orjson.loads` of every line of the same files, each dropped at once."""
    import orjson  # noqa: PLC0415

    lines = 0
    start = time.process_time()
    for file in sorted(folder.glob("*.ndjson")):
        with file.open("rb") as stream:
            for line in stream:
                orjson.loads(line)
                lines += 1
    return {"seconds": time.process_time() - start, "lines": lines}


def validate(folder: Path) -> dict[str, Any]:
    """fhir.resources (R4B) validates the first lines; its time is scaled to all Observations."""
    from fhir.resources.R4B.observation import Observation  # noqa: PLC0415

    with Path(folder, "Observation.ndjson").open("rb") as stream:
        total = sum(1 for _ in stream)
        stream.seek(0)
        lines = [line for _, line in zip(range(LINES), stream, strict=False)]
    start = time.process_time()
    for line in lines:
        Observation.model_validate_json(line)
    return {"seconds": (time.process_time() - start) * total / len(lines)}


def _kept(folder: Path, observations: Any) -> tuple[int, int]:
    """How many numbers of valueQuantity are LBORRES as they were written, and how many there are."""
    import msgspec  # noqa: PLC0415

    raw, none = msgspec.Raw, msgspec.Raw(b"")
    quantity = msgspec.defstruct("Quantity", [("value", raw, none), ("comparator", str, "")])
    decoder = msgspec.json.Decoder(
        msgspec.defstruct("Sent", [("id", str), ("valueQuantity", quantity | None, None)])
    )
    shown = dict(observations.select("LBSPID", "LBORRES").iter_rows())
    kept = total = 0
    with Path(folder, "Observation.ndjson").open("rb") as stream:
        for line in stream:
            if b'"valueQuantity"' in line:
                sent = decoder.decode(line)
                total += 1
                written = sent.valueQuantity.comparator + bytes(sent.valueQuantity.value).decode()
                kept += shown.get(f"Observation/{sent.id}") == written
    return kept, total


def _memory() -> float:
    """Peak of resident memory in MB; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most / (1 << 20 if sys.platform == "darwin" else 1 << 10))


WORK: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "convert": convert,
    "parse": parse,
    "validate": validate,
}


def main() -> None:
    """Do the named work on a folder, on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(json.dumps(WORK[sys.argv[1]](Path(sys.argv[2]))))


if __name__ == "__main__":
    main()
