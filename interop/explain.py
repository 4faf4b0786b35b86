"""``explain``: the story of a variable, told to a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from interop.mapping.story import Alternative, Read, Story


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
