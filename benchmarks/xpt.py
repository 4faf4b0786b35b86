"""Rows 9 and 10: XPT write and read against pyreadstat, on a made-up laboratory dataset.

Both sides start from the same Polars frame and end in one: pyreadstat is fed by Polars, and reads into it.
"""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyreadstat

from benchmarks.table import Row, seconds
from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.cdisc.xpt import write_xpt
from interop.cdisc.xpt_read import read_xpt


def laboratory(rows: int) -> Dataset:
    """A laboratory dataset of `rows` records: the shapes of values are real, the values are not."""
    index = pl.int_range(rows, eager=True)
    tests = pl.Series(["ALT", "AST", "BILI", "CREAT", "HAPTOG", "HGB", "LDH", "PLAT", "RETI", "WBC"])
    units = pl.Series(["U/L", "U/L", "umol/L", "umol/L", "g/L", "g/L", "U/L", "10^9/L", "10^9/L", "10^9/L"])
    kind, day = index % 500 // 50, index % 50 * 7  # sorted by subject, test and date, as datasets are
    whole = index * 7919 % 100_000
    text = pl.select(pl.format("{}.{}", whole // 100, (whole % 100).cast(pl.String).str.zfill(2))).to_series()
    value = text.cast(pl.Float64)
    date = pl.Series([0]).cast(pl.Date).first()
    frame = pl.DataFrame({"kind": kind, "day": day, "value": value, "index": index})
    number = pl.col("index")
    frame = frame.select(
        STUDYID=pl.lit("NCT04324411"),
        DOMAIN=pl.lit("LB"),
        USUBJID=pl.format("NCT04324411-01-{}", (number // 500).cast(pl.String).str.zfill(5)),
        LBSEQ=number % 500 + 1,
        LBREFID=pl.format("ACC{}", number // 10),
        LBSPID=pl.format("Observation/o{}", number),
        LBTESTCD=tests.gather(kind),
        LBTEST=pl.format("Test {}", tests.gather(kind)),
        LBCAT=pl.lit("HEMATOLOGY"),
        LBORRES=text,
        LBORRESU=units.gather(kind),
        LBORNRLO=(kind * 10).cast(pl.String),
        LBORNRHI=(kind * 10 + 50).cast(pl.String),
        LBSTRESC=text,
        LBSTRESN="value",
        LBSTRESU=units.gather(kind),
        LBSTNRLO=kind * 10.0,
        LBSTNRHI=kind * 10.0 + 50,
        LBNRIND=pl.when(number % 3 == 0).then(pl.lit("HIGH")).otherwise(pl.lit("NORMAL")),
        LBLOINC=pl.format("{}-8", kind + 700),
        LBSPEC=pl.lit("BLOOD"),
        LBLOBXFL=pl.when(number % 50 == 0).then(pl.lit("Y")),
        VISITNUM=day // 30 + 1.0,
        LBDTC=(pl.lit(date) + pl.duration(days=18_400 + day)).cast(pl.String) + "T08:12:00",
        LBDY=day + 1,
    )
    return Dataset(Standard.load()["LB"], frame)


def run(rows: int, *, runs: int) -> list[Row]:
    """Rows 9 and 10 of the table, on a dataset of `rows` records; medians of `runs` pairs."""
    dataset = laboratory(rows)
    table = dataset.table
    labels = {variable.name: variable.label for variable in dataset.variables}
    with tempfile.TemporaryDirectory() as folder:
        ours, peer = Path(folder, "ours.xpt"), Path(folder, "peer.xpt")

        def peer_write() -> None:
            pyreadstat.write_xport(
                dataset.frame,
                peer,
                table_name="LB",
                file_label=dataset.label,
                column_labels=labels,
                file_format_version=5,
            )

        def clear() -> None:
            ours.unlink(missing_ok=True)
            peer.unlink(missing_ok=True)

        write = compare(lambda: write_xpt(table, ours), peer_write, runs=runs, before=clear)
        write_xpt(table, ours)
        read = compare(
            lambda: read_xpt(ours), lambda: pyreadstat.read_xport(ours, output_format="polars"), runs=runs
        )
    return [
        Row("9", "XPT write / pyreadstat fed by polars", *write, ">= 8", 8),
        Row("10", "XPT read / pyreadstat", *read, ">= 5", 5),
    ]


def compare(
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    runs: int,
    before: Callable[[], object] = gc.collect,
) -> tuple[str, str, float]:
    """Median times of ours and of the peer, and the median over pairs of (the peer's time / ours).

    Each pair runs back to back; `before` runs ahead of each, outside the time.
    """
    ours(), peer()
    pairs = [(_seconds(ours, before), _seconds(peer, before)) for _ in range(runs)]
    ratio = statistics.median(theirs / own for own, theirs in pairs)
    return (*(seconds(statistics.median(times)) for times in zip(*pairs, strict=True)), ratio)  # type: ignore[return-value]


def _seconds(work: Callable[[], object], before: Callable[[], object]) -> float:
    before()
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
