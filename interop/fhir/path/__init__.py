"""FHIRPath, the subset that views use: `parse` to nodes, `resolve` against FHIR R4, `evaluate`, `reads`."""

from interop.fhir.path.evaluate import Scope, evaluate
from interop.fhir.path.nodes import Node
from interop.fhir.path.parser import parse
from interop.fhir.path.shape import Resolved, Shape, resolve

__all__ = ["Node", "Resolved", "Scope", "Shape", "evaluate", "parse", "resolve"]
