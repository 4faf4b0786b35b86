"""HL7's R4 examples as JSON and as the XML that HL7's serializer makes of them; `make peers` fetches them."""

import os
from collections.abc import Iterator
from pathlib import Path

from peers.twins import REASONS, VERSION, compare
from suites.outcome import Outcome, tally

from interop.fhir.json import Decoder
from interop.fhir.read import read
from interop.fhir.source import open_source


def peers() -> Path:
    """The folder that `make peers` has filled."""
    return Path(os.environ["INTEROP_PEERS"])


def files(form: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((peers() / form).iterdir()):
        yield path.name, path


def reading(form: str) -> Outcome:
    """The files of a form ("examples" as JSON, "twins" as XML) of which every resource is read."""

    def check(path: Path) -> None:
        chunks = [chunk for part in open_source(path).parts() for chunk in read(part, decoder=Decoder())]
        unread = sorted({bad.reason for chunk in chunks for bad in chunk.unreadable})
        assert not unread, ", ".join(unread)

    return tally(VERSION, files(form), check)


def twins() -> Outcome:
    """The files that say the same in both forms; listed is what is compared by its meaning."""

    def check(path: Path) -> None:
        wrong = compare(path, peers() / "twins" / f"{path.name}.xml")
        assert not wrong, "; ".join(wrong)

    found = tally(VERSION, files("examples"), check)
    meanings = (f"compared by what it means, `{name}`: {why}" for name, why in REASONS.items())
    return Outcome(found.version, found.passed, found.total, (*found.listed, *meanings))
