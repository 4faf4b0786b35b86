"""Where a fact stands: file and line of code table rows, units, conversions, and settings of a study."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from interop.knowledge import folder
from interop.mapping.concepts import CodeTable
from interop.mapping.story import place
from interop.mapping.units import Conversion, UnitTables, unit_text
from interop.tables import Row, normal_text, read_table, read_yaml


class Citations:
    """The places of facts, each file read once; `home` is the study's folder."""

    def __init__(self, tables: Mapping[str, CodeTable], units: UnitTables, home: Path) -> None:
        self._tables, self._units, self._home = tables, units, home
        self.place = lru_cache(maxsize=None)(place)
        self.entries = lru_cache(maxsize=None)(lambda table, target: tables[table].forward(target))
        self.unit = lru_cache(maxsize=None)(self._unit)
        self.code = lru_cache(maxsize=None)(self._code)
        self.conversion = lru_cache(maxsize=None)(self._conversion)
        self.setting = lru_cache(maxsize=None)(self._setting)
        self._rows = lru_cache(maxsize=None)(_rows)

    def _code(self, table: str, system: str, code: str) -> str | None:
        """``file:line`` of a code's row; of one that shares another's targets both."""
        found: list[str] = []
        wanted = normal_text(code) if system == "text" else code
        for file in reversed(self._tables[table].files):
            row = self._rows(file, ("system", "code")).get((system, wanted))
            if row is None:
                continue
            found.append(place(file, row.line))
            if row["same_as"] is None:
                break
            packaged = self._rows(self._tables[table].files[0], ("code",)).get((row["same_as"],))
            found += [f"same as {place(self._tables[table].files[0], packaged.line)}"] if packaged else []
            break
        return ", ".join(found) or None

    def _unit(self, sent: str) -> str | None:
        """``file:line`` of a unit by its UCUM code, else by its spelling."""
        units = folder("mappings") / "units"
        for file, column, key in (
            (units / "ucum.csv", "ucum", sent.strip()),
            (units / "aliases.csv", "text", unit_text(sent)),
        ):
            row = self._rows(file, (column,)).get((key,))
            if row is not None:
                return place(file, row.line)
        return None

    def _conversion(self, test: str | None, source: str, target: str) -> str:
        """Factor and place of a conversion: the test's own row with its basis, or those of both units."""
        found = self._units.conversion(test, source, target)
        if found is None:
            return ""
        units = folder("mappings") / "units"
        own = self._rows(units / "conversions.csv", ("testcd", "from_unit", "to_unit")).get(
            (test or "", source, target)
        )
        if own is not None:
            where = f"{place(units / 'conversions.csv', own.line)}, {own['basis']}"
        else:
            sizes = self._rows(units / "dimensions.csv", ("unit", "dimension"))
            dimension = next(
                d for (u, d), row in sizes.items() if u == source and row["scale"] and (target, d) in sizes
            )
            lines = [str(sizes[unit, dimension].line) for unit in (source, target)]
            where = f"{place(units / 'dimensions.csv', 1).rpartition(':')[0]}:{' and '.join(lines)}"
        return f"{_offset(found)}x {found.text} ({source} to {target}: {where})"

    def _setting(self, path: str) -> str:
        """``file:line`` of a setting at a dotted path; the file alone where the default counts."""
        tree = read_yaml(self._home / "study.yaml")
        return place(tree.file, tree.line(tuple(path.split("."))))


def _offset(conversion: Conversion) -> str:
    return f"{conversion.offset:+f} " if conversion.offset else ""


def _rows(file: Path, keys: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    """Rows of a CSV table by some of its columns, the first of each; texts as they are compared."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in read_table(file, required=keys):
        found.setdefault(tuple(_key(row, key) for key in keys), row)
    return found


def _key(row: Row, column: str) -> str | None:
    value = row[column]
    if value is not None and column == "code" and row["system"] == "text":
        return normal_text(value)
    return unit_text(value) if value is not None and column == "text" else value
