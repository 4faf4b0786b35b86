"""Well-formed inputs from which fuzzing starts, by target."""

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from interop.cdisc.formats import FORMATS
from interop.cdisc.table import Column, Table

BASIC = b'{"resourceType":"Basic","id":"b1","code":{"text":"a"}}'
BUNDLE = (
    b'{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":%s}]}' % BASIC
)
XML = b"""<Observation xmlns="http://hl7.org/fhir"><id value="o1"/><status value="final"/>
<code><coding><system value="http://loinc.org"/><code value="718-7"/></coding></code>
<valueQuantity><value value="1.50"/></valueQuantity></Observation>"""
XML_BUNDLE = b"""<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/>
<entry><fullUrl value="urn:uuid:1"/>
<resource><Patient><id value="p1"/><gender value="female"/></Patient></resource></entry></Bundle>"""
PATHS = (
    "code.coding.where(system = 's').code.first()",
    "component.where(code.text = 'a' and value.exists()).value.ofType(integer) | 3",
    "status.extension('u').value.ofType(string) & 'x' = %resource.id",
    "effective.ofType(dateTime) <= @2020-05-01T08:00:00+08:00",
    "iif(category.coding.code contains 'a', note.text, {}).empty() implies -1.5 * 2 div 1 in (1 | 2)",
    "category.coding[0].code.join(',')",
)
ELEMENTS = (b'{"value":1.50}', b'[{"coding":[{"code":"a"}]}]', b'"2020"', b"true", b"[null,7]")


def seeds(target: str) -> Sequence[bytes]:
    """Inputs to start from."""
    if target in FORMATS or target == "xpt":
        return [_dataset(target)]
    return {
        "source": [b"\x00" + BUNDLE, b"\x00" + BASIC, b"\xff" + BASIC + b"\n\r\n" + BUNDLE + b"\n[1]"],
        "xml": [XML, XML_BUNDLE],
        "path": [path.encode() for path in PATHS],
        "view": [path.encode() for path in PATHS],
        "fit": [struct.pack("B", n) + raw for n in range(40) for raw in ELEMENTS],
    }[target]


def _dataset(form: str) -> bytes:
    frame = pl.DataFrame({"STUDYID": ["S", None], "AGE": [1.5, None]})
    columns = (Column("STUDYID", "Study", "Char", 8), Column("AGE", "Age", "Num", 8))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"dm{FORMATS[form].suffix}")
        FORMATS[form].write(Table("DM", "Demographics", columns, frame), path)
        return path.read_bytes()
