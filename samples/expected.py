"""What the sample cohort becomes, for tests and `interop demo`; run after a wanted change, read the diff."""

from pathlib import Path

from interop import Study
from interop.cdisc.tabular import write_csv
from interop.mapping.sidecars import issues_json, ledger_json

PUMCH = Path(__file__).resolve().parent / "pumch"


def write_expected(folder: Path) -> None:
    """Write issues.json, ledger.json and a CSV per dataset to `folder`."""
    result = Study.load("NCT04324411").to_sdtm(PUMCH / "fhir", census=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "issues.json").write_bytes(issues_json(result.issues))
    (folder / "ledger.json").write_bytes(ledger_json(result))
    for dataset in result.datasets.values():
        if len(dataset):
            write_csv(dataset.table, folder / f"{dataset.name.lower()}.csv")


if __name__ == "__main__":
    write_expected(PUMCH / "expected")
