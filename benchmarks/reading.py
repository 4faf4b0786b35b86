"""Row 15: reading a Bundle in XML against `lxml.etree.parse` of the same bytes, which gives but a tree."""

import tempfile
from pathlib import Path

from lxml import etree

from benchmarks.table import Row
from benchmarks.xpt import compare
from interop.fhir.json import Decoder
from interop.fhir.read import read
from interop.fhir.source import open_source

ELEMENTS = ("code", "subject", "effectiveDateTime", "valueQuantity", "referenceRange", "category")
RESULT = """<entry><fullUrl value="https://his.example/fhir/Observation/o{number}"/><resource><Observation>
  <id value="o{number}"/>
  <status value="final"/>
  <category><coding><system value="http://terminology.hl7.org/CodeSystem/observation-category"/>
    <code value="laboratory"/></coding></category>
  <code><coding><system value="http://loinc.org"/><code value="718-7"/></coding>
    <coding><system value="urn:his"/><code value="XCG101"/><display value="血红蛋白"/></coding></code>
  <subject><reference value="Patient/p{patient}"/></subject>
  <effectiveDateTime value="2020-05-{day:02}T07:40:00+08:00"/>
  <valueQuantity><value value="{number}.50"/><unit value="g/L"/>
    <system value="http://unitsofmeasure.org"/><code value="g/L"/></valueQuantity>
  <referenceRange><low><value value="110"/></low><high><value value="150.0"/></high></referenceRange>
</Observation></resource></entry>
"""


def run(results: int, *, runs: int) -> list[Row]:
    """Row 15 of the table, on a Bundle of `results` results; medians of `runs` pairs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bundle.xml")
        with path.open("w", encoding="utf-8") as file:
            file.write('<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/>\n')
            for number in range(results):
                file.write(RESULT.format(number=number, patient=number // 500, day=number % 28 + 1))
            file.write("</Bundle>\n")
        figures = compare(lambda: _read(path), lambda: etree.parse(path), runs=runs)
    return [Row("15", "reading XML / lxml.etree.parse", *figures, "-", 0.15)]


def _read(path: Path) -> int:
    decoder = Decoder(ELEMENTS)
    return sum(
        len(chunk.resources) for part in open_source(path).parts() for chunk in read(part, decoder=decoder)
    )
