"""The verbs of mapping files: `VERBS` is the registry; each verb's docstring is its manual page."""

from interop.mapping.verbs import coded, dated, derived, measured, plain
from interop.mapping.verbs.registry import VERBS, Verb

__all__ = ["VERBS", "Verb", "coded", "dated", "derived", "measured", "plain"]
