"""Row 11: Dataset-JSON write and read against orjson, on a made-up laboratory dataset.

Both sides start from the same Polars frame and end in one. The peer makes rows of it and dumps them, or loads
a document and makes a frame of its rows; it checks nothing.
"""

import gc
import tempfile
from pathlib import Path

import orjson
import polars as pl

from benchmarks.table import Row
from benchmarks.xpt import compare, laboratory
from interop.cdisc.datasetjson import write_json
from interop.cdisc.datasetjson_read import read_json


def run(rows: int, *, runs: int) -> list[Row]:
    """Row 11 of the table, write and read, on a dataset of `rows` records; medians of `runs` pairs."""
    table = laboratory(rows).table
    schema = dict(table.frame.schema)
    with tempfile.TemporaryDirectory() as folder:
        ours, peer = Path(folder, "ours.json"), Path(folder, "peer.json")

        def peer_write() -> None:
            peer.write_bytes(orjson.dumps({"rows": table.frame.rows()}))

        def peer_read() -> pl.DataFrame:
            return pl.DataFrame(orjson.loads(ours.read_bytes())["rows"], schema=schema, orient="row")

        def clear() -> None:
            ours.unlink(missing_ok=True)
            peer.unlink(missing_ok=True)
            gc.collect()

        write = compare(lambda: write_json(table, ours), peer_write, runs=runs, before=clear)
        write_json(table, ours)
        read = compare(lambda: read_json(ours), peer_read, runs=runs)
    return [
        Row("11", "Dataset-JSON write / orjson rows", *write, ">= 1.8", 1.8),
        Row("11", "Dataset-JSON read / orjson rows", *read, ">= 1.5", 1.5),
    ]
