"""The verb derive: a named derivation of `interop.mapping.derive`."""

import polars as pl

import interop.mapping.exposure
import interop.mapping.lists  # noqa: F401  their derivations
from interop.errors import MappingError
from interop.mapping.context import Column, Context
from interop.mapping.derive import DERIVATIONS
from interop.mapping.model import Variable
from interop.mapping.verbs.registry import names, of_from, verb
from interop.tables import suggestion


def _reads(variable: Variable) -> list[str]:
    if variable.argument not in DERIVATIONS:
        near = suggestion(variable.argument, DERIVATIONS)
        raise MappingError(
            f'{variable.name}: no derivation "{variable.argument}"{near}',
            file=variable.file,
            line=variable.line,
        )
    return [*of_from(variable), *names(variable.options.get("within")), *variable.options.get("exclude", {})]


@verb(
    "derive",
    put=None,
    columns=_reads,
    options=("from", "within", "exclude", "give", "map", "many", "order", "setting"),
    inverse="D",
)
def derive(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A named derivation over the columns of `from` (``DOMAIN.VARIABLE`` of other domains).

    It is recomputed, never stored in FHIR.
    """
    return DERIVATIONS[variable.argument](rows, variable, context)
