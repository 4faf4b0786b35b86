"""What is fuzzed: each target takes any bytes, and raises only when the project breaks a promise."""

import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from interop.cdisc.datasetjson_read import read_json, read_ndjson
from interop.cdisc.tabular import read_csv
from interop.cdisc.xpt_read import read_xpt
from interop.checks.source import check_fhir
from interop.errors import InteropError, MappingError
from interop.fhir.columns import compile_view
from interop.fhir.fit import Fit
from interop.fhir.json import LIMITS, Decoder, dump, parse
from interop.fhir.path.compile import compile_path
from interop.fhir.path.evaluate import Scope, evaluate
from interop.fhir.path.parser import parse as parse_path
from interop.fhir.read import read, records
from interop.fhir.source import Form, Part, Source, SourceFile
from interop.fhir.view import View
from interop.study import Study

RESOURCE = parse(
    b'{"resourceType":"Observation","id":"o1","status":"final","issued":"2020-05-01T08:00:00+08:00",'
    b'"category":[{"coding":[{"system":"s","code":"a"},{"system":"t","code":"b"}]},null,{"text":"c"}],'
    b'"code":{"coding":[{"system":"s","code":"a"}],"text":"x"},"valueQuantity":{"value":1.50,"unit":"g"},'
    b'"_status":{"extension":[{"url":"u","valueString":"v"}]},"extension":[{"url":"u","valueInteger":3}],'
    b'"component":[{"code":{"text":"a"},"valueInteger":-1},{"code":{"text":"b"},"valueBoolean":true}],'
    b'"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2020-05","note":[{"text":""}]}'
)


def _file(content: bytes, form: Form) -> SourceFile:
    return SourceFile("fuzzed", form, len(content), content=content)


def read_source(content: bytes, form: Form) -> None:
    """Every resource has an ordinal and can be found again; the check of it ends with issues."""
    file = _file(content, form)
    wanted = set()
    for chunk in read(Part(file), decoder=Decoder(["code", "valueQuantity"])):
        assert len(chunk.resources) == len(chunk.ordinals)
        wanted |= set(chunk.ordinals)
        assert all(bad.issue().severity == "error" for bad in chunk.unreadable)
    found = {ordinal: raw for _, ordinal, raw in records(Source([file]), {file.name: wanted})}
    assert found.keys() == wanted
    for raw in found.values():
        assert isinstance(parse(raw, depth=LIMITS.depth), dict)
    list(check_fhir(Source([file])))


def read_json_source(content: bytes) -> None:
    """The first byte says whether the rest is lines or a document."""
    read_source(content[1:], "document" if content[:1] < b"\x80" else "ndjson")


def read_xml_source(content: bytes) -> None:
    """XML in every form."""
    read_source(content, "xml")


def evaluate_path(content: bytes) -> None:
    """An expression is refused by MappingError, or both ways of evaluating it agree."""
    try:
        node = parse_path(content.decode("utf-8", "replace"))
    except MappingError:
        return
    assert _outcome(lambda: evaluate(node, [RESOURCE], Scope(RESOURCE))) == _outcome(
        lambda: compile_path(node)([RESOURCE], Scope(RESOURCE))
    )


def load_view(content: bytes) -> None:
    """A path as a view's column: refused by MappingError, or compiled and run."""
    column = {"name": "x", "path": content.decode("utf-8", "replace"), "collection": True}
    try:
        compiled = compile_view(View.load({"resource": "Observation", "select": [{"column": [column]}]}))
    except MappingError:
        return
    raws = {name: [dump(RESOURCE[name]) if name in RESOURCE else b""] for name in compiled.elements}
    _outcome(lambda: compiled.columns(raws, resource_type="Observation"))


def _outcome(run: Callable[[], Any]) -> Any:
    try:
        return repr(run())
    except MappingError as error:
        return type(error)


@cache
def _fit() -> Fit:
    from interop.fhir.reads import elements_read  # noqa: PLC0415  only this target needs a study

    plan = Study.load().plan
    return Fit(elements_read(v for m in plan.mappings.values() for v in m.views.values()))


def fit_element(content: bytes) -> None:
    """The typed decoder and the plain walk say the same of the form of an element."""
    names = _fit().names("Observation")
    name, raw = names[content[0] % len(names)] if content else names[0], content[1:]
    try:
        value = parse(raw)
        raw.decode()
    except ValueError:
        return
    assert _fit().fits("Observation", name, raw) == _fit().fits_value("Observation", name, value)


def _read_file(reader: Callable[[Path], object], suffix: str) -> Callable[[bytes], None]:
    """A reader of datasets refuses what it cannot read by InteropError."""

    def target(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"fuzzed{suffix}")
            path.write_bytes(content)
            try:
                reader(path)
            except InteropError:
                return

    return target


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "source": read_json_source,
    "xml": read_xml_source,
    "path": evaluate_path,
    "view": load_view,
    "fit": fit_element,
    "xpt": _read_file(read_xpt, ".xpt"),
    "dataset-json": _read_file(read_json, ".json"),
    "dataset-ndjson": _read_file(read_ndjson, ".ndjson"),
    "csv": _read_file(read_csv, ".csv"),
}
