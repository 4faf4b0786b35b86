"""One domain while a batch is converted: its rows, what was found wrong, and what became of resources."""

from collections.abc import Mapping

import msgspec
import polars as pl

from interop.knowledge import folder
from interop.mapping.context import Problem
from interop.mapping.model import DomainMapping
from interop.tables import Row, read_table

FATES = {"rid": pl.UInt32, "fate": pl.String, "reason": pl.String, "dataset": pl.String}
PROBLEMS = {
    "rule": pl.String,
    "dataset": pl.String,
    "variable": pl.String,
    "usubjid": pl.String,
    "resource": pl.String,
    "value": pl.String,
    "other": pl.String,
}


class Work(msgspec.Struct):
    """The state of one domain in one batch.

    `frame` has a row per record; its columns are view columns, aliases and variables.
    """

    mapping: DomainMapping
    frame: pl.DataFrame
    children: dict[str, pl.DataFrame]
    fates: list[pl.DataFrame]
    problems: list[pl.DataFrame]

    @property
    def domain(self) -> str:
        """The domain's code."""
        return self.mapping.domain

    def drop(self, rows: pl.Series, *, fate: str, reason: str) -> None:
        """Take rows (a mask) out, and note the fate of their resources for the ledger."""
        if rows.any():
            gone = self.frame.filter(rows).select("_rid")
            self.fates.append(fates(gone["_rid"], fate=fate, reason=reason, dataset=self.domain))
            self.frame = self.frame.filter(~rows)

    def report(
        self, problem: Problem, *, variable: str | None = None, other: pl.Series | None = None
    ) -> None:
        """Note a problem of some rows."""
        rows = problem.rows.fill_null(value=False)
        if not rows.any():
            return
        value = problem.value if problem.value is not None else pl.Series([None], dtype=pl.String)
        noted = pl.DataFrame(
            {
                "usubjid": self.frame["USUBJID"].filter(rows),
                "resource": self.frame["_key"].filter(rows),
                "value": value.filter(rows) if value.len() == rows.len() else None,
                "other": other.filter(rows) if other is not None else None,
            },
            schema_overrides={"value": pl.String, "other": pl.String},
        )
        said = {"rule": problem.rule, "dataset": self.domain, "variable": variable}
        noted = noted.with_columns(pl.lit(text, dtype=pl.String).alias(name) for name, text in said.items())
        self.problems.append(noted.select(list(PROBLEMS)))

    def mark(self, problem: Problem) -> None:
        """Mark rows for quarantine; the first rule that marks a row is its reason."""
        marked = pl.when(problem.rows.fill_null(value=False)).then(pl.lit(problem.rule)).cast(pl.String)
        known = [pl.col("_bad")] if "_bad" in self.frame.columns else []
        self.frame = self.frame.with_columns(_bad=pl.coalesce(*known, marked))

    def drop_marked(self) -> None:
        """Take the marked rows out, each with its rule as the reason."""
        if "_bad" in self.frame.columns:
            for rule in self.frame["_bad"].drop_nulls().unique().sort():
                self.drop(
                    (self.frame["_bad"] == rule).fill_null(value=False), fate="quarantined", reason=rule
                )

    def quarantine(
        self, problem: Problem, *, variable: str | None = None, other: pl.Series | None = None
    ) -> None:
        """Report a problem and take its rows out."""
        self.report(problem, variable=variable, other=other)
        self.drop(problem.rows.fill_null(value=False), fate="quarantined", reason=problem.rule)


def apply(work: Work, problem: Problem, severities: Mapping[str, str], *, variable: str | None) -> None:
    """Report a problem; one of severity error also marks its rows, which leave when the domain is settled."""
    work.report(problem, variable=variable)
    if severities[problem.rule] == "error":
        work.mark(problem)


def fates(rids: pl.Series, *, fate: str, reason: str, dataset: str | None) -> pl.DataFrame:
    """Dispositions of resources, for the ledger."""
    return pl.select(
        rid=rids.cast(pl.UInt32).unique().sort(),
        fate=pl.lit(fate),
        reason=pl.lit(reason),
        dataset=pl.lit(dataset, dtype=pl.String),
    )


def rules() -> Mapping[str, Row]:
    """The rules of ``mappings/findings.csv`` by id."""
    file = folder("mappings") / "findings.csv"
    found = read_table(file, required=("rule", "severity", "code", "message"), optional=())
    return {str(row["rule"]): row for row in found}
