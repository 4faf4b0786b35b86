"""The file formats of datasets: `FORMATS` says which there are; writing and reading a folder of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.cdisc.tabular import read_csv, write_csv
from interop.cdisc.xpt import write_xpt
from interop.cdisc.xpt_read import read_xpt
from interop.errors import OutputError, SourceError
from interop.tables import suggestion


class Format(msgspec.Struct, frozen=True):
    """A way to write one dataset to a file, and to read the datasets of a file back."""

    suffix: str
    write: Callable[[Dataset, Path], None]
    read: Callable[[Path, Standard], list[Dataset]]


def _read_xpt(path: Path, standard: Standard) -> list[Dataset]:
    return [Dataset(standard.dataset(member.name), member.frame) for member in read_xpt(path)]


def _read_csv(path: Path, standard: Standard) -> list[Dataset]:
    return [read_csv(path, standard.dataset(path.stem.upper()))]


#: Every format by the name it has on the command line; the first stands in the folder itself.
FORMATS: dict[str, Format] = {
    "xpt": Format(".xpt", write_xpt, _read_xpt),
    "csv": Format(".csv", write_csv, _read_csv),
}


def write(
    datasets: Mapping[str, Dataset], out: Path | str, *, formats: Sequence[str] = ("xpt",)
) -> list[Path]:
    """Writes datasets into a folder, a file each: XPT in `out` itself, another format in ``out/<format>/``.

    Returns the files written, in the order of `formats` and `datasets`. Raises `OutputError` for an unknown
    format or for what a format cannot hold.
    """
    if unknown := [name for name in formats if name not in FORMATS]:
        known = ", ".join(FORMATS)
        raise OutputError(f"no format {unknown[0]!r}, there are {known}{suggestion(unknown[0], FORMATS)}")
    written = []
    for name in formats:
        folder = Path(out) if name == "xpt" else Path(out, name)
        folder.mkdir(parents=True, exist_ok=True)
        for dataset in datasets.values():
            path = folder / f"{dataset.name.lower()}{FORMATS[name].suffix}"
            FORMATS[name].write(dataset, path)
            written.append(path)
    return written


def read(source: Path | str, standard: Standard) -> dict[str, Dataset]:
    """The datasets of a file or of the files in a folder, by name, sorted by it.

    A folder holds one format. Raises `SourceError` when there is none, or more than one, and for a dataset
    that stands in two files; `SpecError` for a dataset or variable that `standard` does not know.
    """
    source = Path(source)
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    by_suffix = {form.suffix: form for form in FORMATS.values()}
    files = [path for path in files if path.suffix.lower() in by_suffix and path.is_file()]
    if len({path.suffix.lower() for path in files}) != 1:
        raise SourceError(f"{source}: datasets of one format are needed ({', '.join(by_suffix)})")
    found: dict[str, Dataset] = {}
    for path in files:
        for dataset in by_suffix[path.suffix.lower()].read(path, standard):
            if dataset.name in found:
                raise SourceError(f"{path}: {dataset.name} stands in another file too")
            found[dataset.name] = dataset
    return dict(sorted(found.items()))
