"""References of every form resolved to resource keys, before any join (FHIR R4 2.3 References).

Forms: ``Type/id``, an absolute URL, each with or without a version, ``urn:uuid:...``, ``#id``, and
``Type?identifier=system|value``. What does not resolve has a reason, never only a null.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import polars as pl

from interop.fhir.identity import HISTORY, NO_BASES, RESTFUL, Bases
from interop.fhir.json import parse

REASONS = (
    "not in source",  # well formed, but no such resource was read; the key is given
    "unresolved contained",  # no such contained resource in the owner; the key is given
    "unresolved urn",
    "ambiguous urn",  # Bundles of the source use one urn for different resources
    "unresolved identifier",
    "ambiguous identifier",
)
INDEX = {"key": pl.String, "full_url": pl.String}
IDENTIFIERS = {"type": pl.String, "system": pl.String, "value": pl.String, "key": pl.String}
LINKS = {"key": pl.String, "text": pl.String, "replaces": pl.Boolean}

_LOCAL = r"^[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}(#.*)?$"
_KEY = r"^[A-Z][A-Za-z]+/([^/#]+)$"
_UUID = r"^urn:uuid:[0-9a-fA-F-]{36}$"
_BY_IDENTIFIER = r"^([A-Za-z]*)\?identifier=((?:.|\n)*)$"


class References:
    """The references of a source, resolved on distinct texts; made by `build`.

    `unfollowed` are the keys of Patients whose `replaced-by` was not followed: it leads in a circle, to
    several survivors, or to nothing that resolves. `unsent` are those of Patients whose replacement was not
    sent, the last of a chain; `stand_ins` are the only ones of theirs, with its key.
    """

    def __init__(
        self, keys: pl.DataFrame, urls: pl.DataFrame, identifiers: pl.DataFrame, bases: Bases
    ) -> None:
        self._keys, self._urls, self._identifiers, self._bases = keys, urls, identifiers, bases
        self._survivors: dict[str, str] = {}
        self.unfollowed: tuple[str, ...] = ()
        self.unsent: tuple[str, ...] = ()
        self.stand_ins: dict[str, str] = {}

    @classmethod
    def build(
        cls,
        index: pl.DataFrame,
        *,
        identifiers: pl.DataFrame | None = None,
        links: pl.DataFrame | None = None,
        bases: Bases = NO_BASES,
    ) -> Self:
        """References from the index of all resources.

        `index` has the columns of `INDEX` (contained resources are rows of it, ``Owner/1#id``), `identifiers`
        those of `IDENTIFIERS` (see `identifier_rows`; only types that are referred to by identifier are
        needed), `links` those of `LINKS` (see `replacements`).
        """
        keys = index.select("key").unique()
        urls = index.select(text=pl.col("full_url").cast(pl.String).str.replace(HISTORY, ""), key="key")
        known = (
            pl.DataFrame(schema=IDENTIFIERS) if identifiers is None else identifiers.select(list(IDENTIFIERS))
        )
        made = cls(keys, urls.drop_nulls().unique(), known.unique(), bases)
        if links is not None and len(links):
            made._follow(links)
        return made

    def resolve(self, texts: pl.Series, owners: pl.Series) -> pl.DataFrame:
        """Columns key and reason, parallel to `texts`.

        `texts` are references in the forms above, null where there is none (then key and reason are null);
        `owners` are the keys of the resources that hold them: ``#id`` is looked for in the owner, and a
        relative reference in a resource of another server means that server (R4 Bundle, resolving
        references).
        """
        asked = pl.DataFrame({"text": texts.cast(pl.String), "owner": owners.cast(pl.String)})
        if texts.str.starts_with("#").any() or owners.str.contains("://", literal=True).any():
            asked, on = asked.select("text", scope=_scope()), ["text", "scope"]
        else:
            asked, on = asked.select("text", scope=pl.lit(None, pl.String)), ["text"]
        distinct = asked.unique(on).filter(pl.col("text").is_not_null())
        answered = self._answer(distinct)
        joined = asked.join(answered, on=on, how="left", nulls_equal=True, maintain_order="left")
        return joined.select("key", "reason")

    def survivors(self, keys: pl.Series) -> pl.Series:
        """The same keys, those of replaced Patients exchanged for their survivors' (Patient.link)."""
        if not self._survivors:
            return keys
        return keys.replace(list(self._survivors), list(self._survivors.values()))

    def _answer(self, distinct: pl.DataFrame) -> pl.DataFrame:
        """Key and reason of distinct (text, scope)."""
        located = distinct.with_columns(at=_located(), is_query=pl.col("text").str.contains(_BY_IDENTIFIER))
        located = located.with_columns(local=self._local())
        by_url = self._by_url(located["at"])
        by_identifier = self._by_identifier(located.filter("is_query"))
        found = located.join(by_url, on="at", how="left").join(by_identifier, on="text", how="left")
        is_urn = pl.col("at").str.starts_with("urn:")
        one_url = pl.when(pl.col("url_keys") == 1).then("url_key")
        one_identifier = pl.when(pl.col("identifier_keys") == 1).then("identifier_key")
        key = pl.when("is_query").then(one_identifier).when(is_urn).then(one_url)
        found = found.with_columns(key=key.otherwise(pl.coalesce(one_url, "local")), is_urn=is_urn)
        found = found.with_columns(key=self.survivors(found["key"]))
        keys = self._keys["key"]
        read = keys.filter(keys.is_in(found["key"].implode()))  # far fewer are asked for than were read
        in_source = found["key"].is_in(read.implode())
        return found.with_columns(in_source=in_source).select("text", "scope", "key", reason=_reason())

    def _local(self) -> pl.Expr:
        """Place under a base of our own as ``Type/id``; any other place as it is."""
        local = pl.col("at")
        for base in self._bases.urls:
            rest = pl.col("at").str.strip_prefix(f"{base}/")
            is_ours = pl.col("at").str.starts_with(f"{base}/") & rest.str.contains(_LOCAL)
            local = pl.when(is_ours).then(rest).otherwise(local)
        return local

    def _by_url(self, asked: pl.Series) -> pl.DataFrame:
        urls = pl.concat([self._urls, self._by_uuid(asked)])
        keyed = urls.with_columns(key=self.survivors(urls["key"]))
        return keyed.group_by(at="text").agg(url_key=pl.col("key").min(), url_keys=pl.col("key").n_unique())

    def _by_uuid(self, asked: pl.Series) -> pl.DataFrame:
        """Urns that no Bundle gives, as the ids they hold: NDJSON that was a Bundle once has no fullUrl."""
        urns = asked.filter(asked.str.contains(_UUID)).unique()
        urns = urns.filter(~urns.is_in(self._urls["text"].implode()))
        if urns.is_empty():
            return self._urls.clear()
        text = pl.concat_str(pl.lit("urn:uuid:"), pl.col("key").str.extract(_KEY, 1))
        return self._keys.select(text=text, key="key").filter(pl.col("text").is_in(urns.implode()))

    def _by_identifier(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Resources that bear the identifier, of the type and of the system where the text states one."""
        query = pl.col("text").str.extract(_BY_IDENTIFIER, 2)
        parts = query.str.splitn("|", 2).struct
        has_system = query.str.contains("|", literal=True)
        wanted = (
            asked.select("text")
            .unique()
            .select(
                "text",
                of=pl.col("text").str.extract(_BY_IDENTIFIER, 1),
                within=pl.when(has_system).then(parts.field("field_0")),
                value=pl.when(has_system).then(parts.field("field_1")).otherwise(query),
            )
        )
        borne = self._identifiers.with_columns(key=self.survivors(self._identifiers["key"]))
        met = wanted.join(borne, on="value").filter(
            (pl.col("of") == "") | (pl.col("of") == pl.col("type")),
            pl.col("within").is_null() | (pl.col("within") == pl.col("system").fill_null("")),
        )
        return met.group_by("text").agg(
            identifier_key=pl.col("key").min(), identifier_keys=pl.col("key").n_unique()
        )

    def _follow(self, links: pl.DataFrame) -> None:
        resolved = self.resolve(links["text"], links["key"])
        targets: dict[str, set[str | None]] = {}
        for one, other, replaces in zip(links["key"], resolved["key"], links["replaces"], strict=True):
            owner, target = (other, one) if replaces else (one, other)
            if owner is not None:
                targets.setdefault(owner, set()).add(target)
        single = {owner: next(iter(found)) for owner, found in targets.items() if len(found) == 1}
        ends = {owner: _end(owner, single) for owner in targets}
        self._survivors = {owner: end for owner, end in sorted(ends.items()) if end is not None}
        self.unfollowed = tuple(sorted(owner for owner, end in ends.items() if end is None))
        last = {key: end for key, end in self._survivors.items() if single[key] == end}
        candidates = _without_replacement(last, self._keys["key"])
        found = list(candidates.values())
        self.unsent = tuple(candidates)
        self.stand_ins = {key: one for key, one in candidates.items() if found.count(one) == 1}


def identifier_rows(types: Iterable[str], keys: Iterable[str], raws: Iterable[bytes]) -> pl.DataFrame:
    """Identifiers with the columns of `IDENTIFIERS`, from the bytes of `identifier` elements."""
    rows = [
        (type_, identifier.get("system"), identifier["value"], key)
        for type_, key, raw in zip(types, keys, raws, strict=True)
        for identifier in _objects(raw)
        if isinstance(identifier.get("value"), str) and isinstance(identifier.get("system"), str | None)
    ]
    return pl.DataFrame(rows, schema=IDENTIFIERS, orient="row")


def replacements(keys: Iterable[str], raws: Iterable[bytes]) -> pl.DataFrame:
    """Patient.link of type `replaced-by` and `replaces` with the columns of `LINKS`, from `link` elements.

    `raws` are their bytes. What a Patient refers to or is seen beside stays another Patient.
    """
    rows = [
        (key, _text(link.get("other")), link["type"] == "replaces")
        for key, raw in zip(keys, raws, strict=True)
        for link in _objects(raw)
        if link.get("type") in ("replaced-by", "replaces")
    ]
    return pl.DataFrame(rows, schema=LINKS, orient="row")


def _objects(raw: bytes) -> list[dict[str, Any]]:
    value = parse(raw) if raw else []
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _text(reference: object) -> str | None:
    if not isinstance(reference, dict):
        return None
    text, identifier = reference.get("reference"), reference.get("identifier")
    if isinstance(text, str) or not isinstance(identifier, dict):
        return text if isinstance(text, str) else None
    return f"Patient?identifier={identifier.get('system') or ''}|{identifier.get('value')}"


def _end(owner: str, targets: Mapping[str, str | None]) -> str | None:
    """Last key of the chain that begins at `owner`; null when it turns in a circle or breaks."""
    seen, key = {owner}, targets.get(owner)
    while key is not None and key in targets:
        if key in seen:
            return None
        seen.add(key)
        key = targets[key]
    return key


def _without_replacement(last: Mapping[str, str], keys: pl.Series) -> dict[str, str]:
    """Of Patients with their replacement those that were sent while it was not."""
    named = pl.Series([*last, *last.values()], dtype=pl.String)
    sent = set(keys.filter(keys.is_in(named.implode())).to_list())
    return {key: end for key, end in last.items() if key in sent and end not in sent}


def _scope() -> pl.Expr:
    """What a text's meaning depends on: the owner for ``#id``, the owner's server for a relative text."""
    owner = pl.col("owner").str.replace(r"#.*$", "")
    text = pl.col("text")
    is_relative = text.str.contains(_LOCAL) | text.str.replace(HISTORY, "").str.contains(_LOCAL)
    return (
        pl.when(text.str.starts_with("#")).then(owner).when(is_relative).then(owner.str.extract(RESTFUL, 1))
    )


def _located() -> pl.Expr:
    text = pl.col("text").str.replace(HISTORY, "")
    inside = pl.when(text == "#").then("scope").otherwise(pl.concat_str("scope", text))
    return (
        pl.when(text.str.starts_with("#"))
        .then(inside)
        .when(pl.col("scope").is_not_null())
        .then(pl.concat_str("scope", pl.lit("/"), text))
        .otherwise(text)
    )


def _reason() -> pl.Expr:
    return (
        pl.when(pl.col("is_query") & pl.col("identifier_keys").is_null())
        .then(pl.lit("unresolved identifier"))
        .when(pl.col("is_query") & (pl.col("identifier_keys") > 1))
        .then(pl.lit("ambiguous identifier"))
        .when(pl.col("is_urn") & pl.col("url_keys").is_null())
        .then(pl.lit("unresolved urn"))
        .when(pl.col("is_urn") & (pl.col("url_keys") > 1))
        .then(pl.lit("ambiguous urn"))
        .when(pl.col("in_source"))
        .then(pl.lit(None, pl.String))
        .when(pl.col("text").str.starts_with("#"))
        .then(pl.lit("unresolved contained"))
        .otherwise(pl.lit("not in source"))
    )
