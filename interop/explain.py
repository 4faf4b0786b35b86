"""``explain``: the story of a variable or of one cell, told to a person."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from interop.errors import SourceError
from interop.mapping.cell import Cell, Resource, Source
from interop.mapping.cells import Cells
from interop.mapping.story import Alternative, Read, Story
from interop.tables import suggestion


def as_text(story: Story) -> str:
    """A story for a person, several lines."""
    lines = [f"{story.dataset}.{story.variable}  {story.label}"]
    lines.append(
        _fact("standard", ", ".join(filter(None, (story.type, story.core, story.role, story.values))))
    )
    if story.codelist:
        lines.append(_fact("codelist", story.codelist))
    if story.replaces:
        lines.append(_fact("replaces", story.replaces))
    if not story.alternatives:
        lines.append(_fact("mapping", "none: the variable is null"))
    for number, alternative in enumerate(story.alternatives, start=1):
        lines += _told(alternative, "else" if number > 1 else "mapping")
    if story.back:
        lines.append(_fact("way back", story.back.inverse))
        lines += [_fact("", _shown(put)) for put in story.back.puts]
        lines += [_fact("", f"lost: {loss}") for loss in story.back.losses]
    return "\n".join(lines)


def as_line(story: Story) -> str:
    """A story in one line: name, core, how it is made, where that stands."""
    if not story.alternatives:
        return f"{story.variable:<9} {story.core:<4} not mapped"
    how = " else ".join(f"{a.verb} {written(a.argument)}{_from(a)}" for a in story.alternatives)
    return f"{story.variable:<9} {story.core:<4} {how}  [{story.alternatives[0].place}]"


def _from(alternative: Alternative) -> str:
    source = alternative.options.get("from")
    return f" from {written(list(source) if isinstance(source, Mapping) else source)}" if source else ""


def written(value: Any) -> str:
    """A YAML value in one line, as it is written in a mapping file."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    return "[" + ", ".join(map(written, value)) + "]"


def _told(alternative: Alternative, word: str) -> list[str]:
    lines = [_fact(word, f"{alternative.verb}: {written(alternative.argument)}   {alternative.place}")]
    lines.append(_fact("", alternative.means))
    lines += [_fact("", f"{name}: {written(value)}") for name, value in alternative.options.items()]
    lines += [_fact("", f"when {name} {_condition(value)}") for name, value in alternative.when.items()]
    lines += [_fact("", f"unless {name} {_condition(value)}") for name, value in alternative.unless.items()]
    lines += [_fact("reads" if n == 0 else "", _shown(read)) for n, read in enumerate(alternative.reads)]
    lines += [_fact("table", table) for table in alternative.tables]
    facts = {"origin": alternative.origin, "method": alternative.method}
    return lines + [_fact(name, value) for name, value in facts.items() if value]


def _condition(wanted: Sequence[str] | Mapping[str, Sequence[str]] | str) -> str:
    if isinstance(wanted, Mapping):
        return f"is none of {', '.join(wanted['not'])}"
    return f"is {wanted}" if isinstance(wanted, str) else f"is one of {', '.join(wanted)}"


def _shown(read: Read) -> str:
    if read.path is None:
        return f"{read.name}: {read.what}"
    return f"{read.name}: {read.what}.{read.path}   (view {read.view})"


def _fact(name: str, text: str) -> str:
    return f"  {name:<10}{text}"


def find(cells: Cells, file: Path, place: str, variable: str | None = None) -> list[Cell]:
    """The cells of a record, or one of them, by ``USUBJID:SEQ`` (USUBJID where a subject has one record).

    `variable` is a name in any case, in SUPP-- a QNAM. Raises SourceError with what would be right for a
    record or variable that is not there, or has no value.
    """
    dataset = file.stem.upper()
    if dataset not in cells.datasets:
        raise SourceError(f"{file}: holds {', '.join(cells.datasets)}; name a file after its dataset")
    records = cells.records(dataset)
    found = [cell for record in records if record.place == place for cell in cells.cells(record)]
    if not found:
        places = list(dict.fromkeys(record.place for record in records))
        known = f"; there are {_between(places)}" if places else ""
        raise SourceError(f"{file}: no record {place}{suggestion(place, places) or known}")
    if variable is None:
        return found
    named = [cell for cell in found if cell.variable == variable.upper()]
    if not named:
        raise SourceError(_lacking(cells, file, place, variable.upper(), found))
    return named


def _between(places: Sequence[str]) -> str:
    return f"{places[0]} to {places[-1]}" if len(places) > 1 else places[0]


def _lacking(cells: Cells, file: Path, place: str, variable: str, found: Iterable[Cell]) -> str:
    dataset = file.stem.upper()
    columns = [*cells.datasets[dataset].columns, *cells.mapped(dataset)]
    if variable in columns:
        advice = f"interop explain {dataset}.{variable} says how one is made"
        return f"{file}: {dataset} {place} has no value of {variable}; {advice}"
    names = [*columns, *(cell.variable for cell in found)]
    return f"{file}: {dataset} {place} has no {variable}{suggestion(variable, names)}"


def cell_text(cell: Cell) -> str:
    """The story of a cell for a person, several lines."""
    lines = [f"{cell.dataset}.{cell.variable}  {cell.label}", _fact("value", cell.value)]
    lines.append(_fact("record", cell.record))
    lines += [_fact("resource" if n == 0 else "", _named(one)) for n, one in enumerate(cell.resources)]
    if cell.mapping:
        how = f"{cell.verb}: {written(cell.argument)}   " if cell.verb else ""
        lines.append(_fact("mapping", f"{how}{cell.mapping}"))
    told = [line for source in cell.sources for line in _source_lines(source, cell)]
    lines += [_fact("from" if n == 0 else "", line) for n, line in enumerate(told)]
    lines += [_fact("step" if n == 0 else "", step) for n, step in enumerate(cell.steps)]
    facts = {"origin": cell.origin, "method": cell.method}
    lines += [_fact(name, value) for name, value in facts.items() if value]
    if cell.again is not None:
        lines.append(_fact("today", f"{cell.again}: the mapping or a table has changed since"))
    return "\n".join(lines)


def cell_line(cell: Cell) -> str:
    """The story of a cell in one line: name, value, what it was made of, where the mapping says so."""
    texts = [f'{source.name} "{source.value}"' for source in cell.sources if source.value is not None]
    made = ", ".join(texts) or "; ".join(cell.steps)
    return f"{cell.variable:<9} {cell.value:<24} {made}  [{cell.mapping}]"


def _source_lines(source: Source, cell: Cell) -> list[str]:
    resource = source.resource
    other = f" of {_named(resource)}" if resource is not None and resource not in cell.resources else ""
    more = f", and {source.more} more" if source.more else ""
    said = {"sent": "as sent in ", "key": "key of ", "code": "code table row "}.get(source.kind, "")
    lines = [f'{source.name} "{source.value}"  {said}{source.where}{other}{more}']
    return [*lines, *(f"  {line}" for one in source.sources for line in _source_lines(one, cell))]


def _named(resource: Resource) -> str:
    return f"{resource.key}, version {resource.version}" if resource.version else resource.key
