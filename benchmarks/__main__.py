"""Print the table: ratios of ours to peers, measured in this run."""

import argparse

from benchmarks import conversion, datasetjson, reading, xpt
from benchmarks.table import printed

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("--observations", type=int, default=200_000, help="laboratory results to convert")
parser.add_argument("--runs", type=int, default=7, help="pairs to measure; the table shows medians")
arguments = parser.parse_args()
rows, memory = conversion.run(arguments.observations, runs=arguments.runs)
rows += xpt.run(arguments.observations, runs=arguments.runs)
rows += datasetjson.run(arguments.observations, runs=arguments.runs)
rows += reading.run(arguments.observations // 10, runs=arguments.runs)
print(printed(sorted(rows, key=lambda row: int(row.number))))
print(memory)
