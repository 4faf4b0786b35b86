"""Make the synthetic cohort, or benchmark volumes of the same shapes.

    python samples/generate.py --out samples/pumch/fhir
    python samples/generate.py --out bulk --observations 200000

Standard library only, seeded, no network and no clock: the same arguments give the same bytes everywhere.
"""

import argparse
from pathlib import Path

from cohort.bulk import write_bulk
from cohort.export import cohort
from cohort.faults import bundle, file_of

SEED = 20200511


def write_cohort(folder: Path, *, seed: int) -> None:
    """Write the cohort's files into `folder`, faults included."""
    files, followup = cohort(seed)
    for kind, resources in files.items():
        name, content = file_of(kind, resources)
        (folder / name).write_bytes(content)
    (folder / "bundle-followup.json").write_bytes(bundle(followup))


def main() -> None:
    """Read the arguments and write the files."""
    parser = argparse.ArgumentParser(description="Make the synthetic cohort or benchmark volumes.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into; made if missing")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--observations", type=int, default=0, help="write this many laboratory results instead"
    )
    parser.add_argument("--malformed", type=int, default=0, help="broken lines among them")
    parser.add_argument("--distinct", action="store_true", help="no element of one like that of another")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.observations:
        size = {"observations": args.observations, "malformed": args.malformed}
        write_bulk(args.out, seed=args.seed, distinct=args.distinct, **size)
    else:
        write_cohort(args.out, seed=args.seed)


if __name__ == "__main__":
    main()
