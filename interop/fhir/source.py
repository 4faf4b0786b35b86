"""Sources of resources: a folder, NDJSON, a Bundle or resource document, standard input, resources in memory.

What the bytes of a source hold is read by `interop.fhir.read`; here is only what there is to read.
"""

import contextlib
import gzip
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from interop.errors import SourceError
from interop.fhir.json import dump, parse
from interop.fhir.lines import BLOCK, BOM, DAMAGE
from interop.issues import Issue, Location

Form = Literal["ndjson", "document", "xml"]
FORMS: Mapping[str, Form] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "document", ".xml": "xml"}
PART_BYTES = 64 << 20

_GZIP_MAGIC = b"\x1f\x8b"
_OUR_FOLDER = (
    "_interop"  # what a run wrote beside its datasets; its quarantine can be named as a source itself
)
_STDIN = "stdin"


class SourceFile(msgspec.Struct, frozen=True):
    """A file of a source, known by its name relative to the source, which is the same on every machine.

    `content` is set where the resources are in memory, `path` elsewhere; `size` is bytes as stored.
    """

    name: str
    form: Form
    size: int
    path: str | None = None
    content: bytes | None = None
    is_gzip: bool = False


class Part(msgspec.Struct, frozen=True):
    """A piece of a file that a worker can read alone: whole lines from byte `start` to `stop` (or the end).

    `lines` of the file come before it, so that the part knows the true numbers of its own lines.
    """

    file: SourceFile
    start: int = 0
    stop: int | None = None
    lines: int = 0


class Source:
    """What `open_source` found: `files` in the order of their names, and `issues` about what is not read."""

    def __init__(
        self, files: Iterable[SourceFile], issues: Iterable[Issue] = (), *, of: Iterable["Source"] = ()
    ) -> None:
        self.files = tuple(files)
        self.issues = tuple(issues)
        self._of = tuple(of)  # a spooled standard input lives as long as its source

    def __repr__(self) -> str:
        return f"<Source: {len(self.files)} files>"

    def parts(self, *, bytes_per_part: int = PART_BYTES) -> list[Part]:
        """Pieces that can be read in any order, in the order of the files.

        Plain NDJSON is cut at ends of lines, at about `bytes_per_part`; every other file is one part.
        """
        return [part for file in self.files for part in _parts(file, bytes_per_part)]


def open_source(what: str | Path | Source | Mapping[str, Any] | Iterable[Any]) -> Source:
    """Source of FHIR resources; nothing is decoded yet.

    `what` is a folder, an NDJSON file (`.ndjson`, `.jsonl`), a Bundle or single resource (`.json`, `.xml`),
    each also with `.gz`; `-` for standard input; or resources in memory: dicts, or `fhir.resources` models
    (whose decimals have lost their trailing zeros). Raises SourceError when it does not exist or is none of
    these.
    """
    if isinstance(what, Source):
        return what
    if isinstance(what, str | Path):
        return _open_stdin() if str(what) == "-" else _open_path(Path(what))
    return _open_memory([what] if isinstance(what, Mapping) or hasattr(what, "model_dump_json") else what)


def join_sources(sources: Sequence[tuple[str, Source]]) -> Source:
    """Several sources as one, in their order; each file's name begins with the name given to its source.

    `sources` are pairs of name and source; a name that stands twice gets a number, so that files stay apart.
    """
    if len(sources) == 1:
        return sources[0][1]
    files: list[SourceFile] = []
    issues: list[Issue] = []
    given: list[str] = []
    for name, source in sources:
        given.append(name)
        prefix = name if given.count(name) == 1 else f"{name}-{given.count(name)}"
        files += [msgspec.structs.replace(file, name=f"{prefix}/{file.name}") for file in source.files]
        for issue in source.issues:
            where = msgspec.structs.replace(issue.where, file=f"{prefix}/{issue.where.file}")
            issues.append(msgspec.structs.replace(issue, where=where))
    return Source(files, issues, of=[source for _, source in sources])


def _open_path(path: Path) -> Source:
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    if not path.is_file():
        raise SourceError(
            f"{path}: a pipe or a device; a source is read more than once, so use - for a stream"
        )
    file = _source_file(path, legible(path.name))
    if file is None:
        known = ", ".join(FORMS)
        raise SourceError(f"{path}: not a known form; FHIR data ends with one of {known}, or these with .gz")
    return Source([file])


def _open_folder(folder: Path) -> Source:
    files, unknown = [], []
    for name, path in sorted(_walk(folder)):
        file = _source_file(path, name) if path.is_file() else None
        if file is not None:
            files.append(file)
        else:
            message = "not read: FHIR data is in files .ndjson, .jsonl, .json or .xml, or these with .gz"
            where = Location(file=name)
            unknown.append(Issue("FHIR-READ-012", "information", "not-supported", message, where))
    if not files:
        raise SourceError(
            f"{folder}: no FHIR file in this folder (.ndjson, .jsonl, .json or .xml, or these with .gz)"
        )
    return Source(files, unknown)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files below a folder by relative name, without hidden ones and without what a run of ours wrote."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != _OUR_FOLDER]
        for name in names:
            path = Path(root, name)
            if not name.startswith("."):
                yield legible(path.relative_to(folder).as_posix()), path


def legible(name: str) -> str:
    """A file name as UTF-8; what is not is written as hexadecimal escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _source_file(path: Path, name: str) -> SourceFile | None:
    is_gzip = path.suffix.lower() == ".gz"
    stem = Path(path.stem) if is_gzip else path
    form = FORMS.get(stem.suffix.lower())
    if form is None:
        return None
    return SourceFile(name, form, path.stat().st_size, path=str(path), is_gzip=is_gzip)


def _open_stdin() -> Source:
    """Standard input, spooled to a file because a source is read more than once; gone with the source."""
    handle, name = tempfile.mkstemp(prefix="interop-")
    with os.fdopen(handle, "wb") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
    path = Path(name)
    with path.open("rb") as stream:
        is_gzip = stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    form = _form(_head(path, is_gzip=is_gzip))
    source = Source([SourceFile(_STDIN, form, path.stat().st_size, path=name, is_gzip=is_gzip)])
    weakref.finalize(source, _remove, name)
    return source


def _head(path: Path, *, is_gzip: bool) -> bytes:
    with gzip.open(path, "rb") if is_gzip else path.open("rb") as stream, contextlib.suppress(*DAMAGE):
        return stream.read(BLOCK)
    return b""


def _form(head: bytes) -> Form:
    if head.removeprefix(BOM).lstrip().startswith(b"<"):
        return "xml"
    return "ndjson" if _has_resource_lines(head) else "document"


def _has_resource_lines(head: bytes) -> bool:
    """Whether one of the first lines is a JSON object by itself, which no line of an indented document is."""
    lines = [line for line in head.removeprefix(BOM).split(b"\n") if line.strip()]
    for line in lines[:3]:
        with contextlib.suppress(ValueError):
            if isinstance(parse(line), dict):
                return True
    return False


def _remove(name: str) -> None:
    Path(name).unlink(missing_ok=True)


def _open_memory(resources: Iterable[Any]) -> Source:
    lines = []
    for number, resource in enumerate(resources, start=1):
        try:
            as_json = getattr(resource, "model_dump_json", None)
            lines.append(dump(resource) if as_json is None else as_json().encode())
        except (TypeError, ValueError) as error:
            raise SourceError(f"resource {number}: cannot be written as JSON; {error}") from error
    content = b"".join(line + b"\n" for line in lines)
    return Source([SourceFile("memory", "ndjson", len(content), content=content)])


def _parts(file: SourceFile, bytes_per_part: int) -> list[Part]:
    if file.path is None or file.is_gzip or file.form != "ndjson" or file.size <= bytes_per_part:
        return [Part(file)]
    parts = []
    with Path(file.path).open("rb", buffering=0) as stream:
        start = lines = 0
        while start < file.size:
            stop = _end_of_line(stream, start + bytes_per_part, file.size)
            parts.append(Part(file, start, stop, lines))
            lines += _count_lines(stream, start, stop) if stop < file.size else 0
            start = stop
    return parts


def _end_of_line(stream: IO[bytes], position: int, size: int) -> int:
    """First byte after the line that holds byte `position`, or the end of the file."""
    stream.seek(min(position, size))
    while piece := stream.read(BLOCK):
        end = piece.find(b"\n") + 1
        if end:
            return stream.tell() - len(piece) + end
    return size


def _count_lines(stream: IO[bytes], start: int, stop: int) -> int:
    """Line ends between two bytes; `find` jumps from one to the next, `count` looks at every byte."""
    stream.seek(start)
    lines = 0
    while start < stop and (piece := stream.read(min(BLOCK, stop - start))):
        start += len(piece)
        end = piece.find(b"\n")
        while end >= 0:
            lines += 1
            end = piece.find(b"\n", end + 1)
    return lines
