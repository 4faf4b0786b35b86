"""Keys of resources: which of them are one and the same (FHIR R4 2.3 References; Bundle.entry.fullUrl).

A key is ``Type/id`` on a server of our own and the whole URL on another, so that two servers' ``Patient/1``
stay two patients; a contained resource is ``Owner/1#id``. The version is no part of it.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec
import polars as pl

from interop.fhir.json import dump, parse

RESTFUL = r"^(https?://.+)/([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})$"  # base, then Type/id (R4 2.3)
HISTORY = r"/_history/[^/#]*$"


class Bases(msgspec.Struct, frozen=True):
    """Server bases whose resources are ours, without a slash at the end."""

    urls: tuple[str, ...] = ()


NO_BASES = Bases()


class Contained(msgspec.Struct, frozen=True):
    """A contained resource: the key of its owner, its type and id, its bytes."""

    owner: str
    type: str
    id: str
    raw: bytes

    @property
    def key(self) -> str:
        """``Owner/1#id``."""
        return f"{self.owner}#{self.id}"


class _Contained(msgspec.Struct):
    resourceType: str  # noqa: N815  FHIR's own name
    id: str


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_CONTAINED = msgspec.json.Decoder(_Contained)


def own_bases(configured: Iterable[str], full_urls: pl.Series) -> Bases:
    """Bases of our own: the configured ones; where none is, the one that all full URLs of the source share.

    Where nothing is configured and the source has several bases, none is our own: nothing says which of them
    a bare ``Patient/1`` would mean, so each keeps its URLs as keys.
    """
    urls = tuple(dict.fromkeys(url.rstrip("/") for url in configured))
    if urls:
        return Bases(urls)
    learnt = full_urls.cast(pl.String).str.replace(HISTORY, "").str.extract(RESTFUL, 1).drop_nulls().unique()
    return Bases((learnt.item(),)) if len(learnt) == 1 else Bases()


def resource_keys(resources: pl.DataFrame, *, bases: Bases = NO_BASES) -> pl.Series:
    """Key of each resource.

    `resources` has the columns type, id, full_url and, for resources without id, anonymous (see
    `anonymous_keys`). A full URL that ends with the resource's own ``Type/id`` under a base that is not ours
    is the key itself; any other full URL (``urn:uuid:...``) only points at the key. Without an id the full
    URL's ``Type/id`` counts, then the anonymous key.
    """
    url = pl.col("full_url").cast(pl.String).str.replace(HISTORY, "")
    base, target = url.str.extract(RESTFUL, 1), url.str.extract(RESTFUL, 2)
    named = pl.concat_str("type", pl.lit("/"), "id")
    at_url = target.str.starts_with(pl.col("type") + "/") & pl.col("id").is_null()
    local = pl.coalesce(named, pl.when(at_url).then(target))
    foreign = base.is_not_null() & ~base.is_in(list(bases.urls)) & (target == local)
    anonymous = pl.col("anonymous") if "anonymous" in resources.columns else pl.lit(None, pl.String)
    key = pl.when(foreign.fill_null(value=False)).then(url).otherwise(pl.coalesce(local, anonymous))
    return resources.select(key.alias("key"))["key"]


def anonymous_keys(types: Sequence[str], raws: Sequence[bytes]) -> list[str]:
    """Stable keys of resources that were sent without id: ``Type/`` and 32 hexadecimal digits.

    They come from the first identifier (by system and value) when no other resource of the type without id
    bears it with other content, else from the content without `id` and `meta`: several results of one
    accession bear one number and stay several. `raws` are the bytes of the resources, parallel to `types`.
    """
    values = [parse(raw) for raw in raws]
    contents = [_content(value) for value in values]
    names = [(type_, _first_identifier(value)) for type_, value in zip(types, values, strict=True)]
    holders: dict[tuple[str, str | None], set[bytes]] = {}
    for name, content in zip(names, contents, strict=True):
        holders.setdefault(name, set()).add(content)
    return [
        f"{type_}/{_digest(content if text is None or len(holders[type_, text]) > 1 else text.encode())}"
        for (type_, text), content in zip(names, contents, strict=True)
    ]


def expand_contained(owners: Iterable[str], raws: Iterable[bytes]) -> tuple[list[Contained], list[str]]:
    """Contained resources (R4 2.3) as resources of their own, and the owners of those without type or id.

    `owners` are resource keys and `raws` the bytes of their `contained` elements, empty where absent.
    """
    found: list[Contained] = []
    lacking: list[str] = []
    for owner, raw in zip(owners, raws, strict=True):
        if raw:
            for piece in _pieces(raw):
                head = _head(piece)
                if head is None:
                    lacking.append(owner)
                else:
                    found.append(Contained(owner, head.resourceType, head.id, bytes(piece)))
    return found, lacking


def _pieces(raw: bytes) -> list[msgspec.Raw]:
    try:
        return _LIST.decode(raw)
    except msgspec.ValidationError:
        return [msgspec.Raw(raw)]


def _head(raw: msgspec.Raw) -> _Contained | None:
    try:
        return _CONTAINED.decode(raw)
    except msgspec.ValidationError:
        return None


def _content(resource: dict[str, Any]) -> bytes:
    kept = {name: resource[name] for name in sorted(resource) if name not in ("id", "meta")}
    return dump(kept)


def _first_identifier(resource: dict[str, Any]) -> str | None:
    identifiers = resource.get("identifier")
    found = identifiers if isinstance(identifiers, list) else [identifiers]
    pairs = ((i.get("system"), i.get("value")) for i in found if isinstance(i, dict))
    return min((f"{s}|{v}" for s, v in pairs if isinstance(s, str) and isinstance(v, str)), default=None)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]
