"""Aggregated facts about a dataset's resources: access, formats, and whether the links answer.

`gather_distributions` aggregates them as `Distributions`. Texts count only if they inform (`clean`,
`informing`), and a resource is read as a `Record`.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import Row, Values, View, plain_text
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import Concept, tables

#: Declared roles: those of data resources, and the others.
DATA_ROLES = ("data", "service")
OTHER_ROLES = ("documentation", "metadata", "sample")
#: Formats of services that return the data themselves.
DOWNLOAD_SERVICES = frozenset({"WFS", "WCS", "Atom Feed", "API", "SPARQL"})
#: Kinds of formats in the vocabulary: without geometry, of any structure, with geometry, not data.
PLAIN_KINDS = frozenset({"table", "document"})
STRUCTURE_KINDS = frozenset({"structured", "linked"})
GEOMETRY_KINDS = frozenset({"vector", "raster", "service"})
NO_DATA_KINDS = frozenset({"document", "image"})
#: Least stars of an open and structured format.
OPEN_STARS = 3


# --- what texts say: without mark-up and placeholders, folded, and their words that inform -------

DATA = Path(__file__).parents[1] / "data"
#: Letters of the shortest word that informs.
SHORTEST = 3
#: Texts of this length or more are no placeholders.
LONGEST_PLACEHOLDER = 30

_TAG = re.compile(r"<[^>]{0,1000}>")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


@functools.cache
def table(name: str) -> Values:
    """Return the data file `name` (without `.yaml`) of this room."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))


def fold(value: str) -> str:
    """Return `value` without accents, case and punctuation, words separated by one space."""
    return _NOT_WORD.sub(" ", characters.without_accents(value.casefold())).strip()


def clean(value: Any) -> str:
    """Return `value` as one line of text without mark-up; "" for placeholders and other values."""
    text = plain_text(value)
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = " ".join(text.split())
    if len(text) < LONGEST_PLACEHOLDER and _is_placeholder(text):
        return ""
    return text


@functools.lru_cache(maxsize=16384)
def _is_placeholder(text: str) -> bool:
    return fold(text) in _placeholders()


@functools.cache
def _placeholders() -> frozenset[str]:
    return frozenset(table("placeholders")["placeholders"])


@functools.lru_cache(maxsize=4096)
def informing(text: str) -> frozenset[str]:
    """Return the distinct words of `text` that inform, without accents and case.

    Short, common and empty ones do not (`data/empty_words.yaml`).
    """
    words = (word for word in fold(text).split() if len(word) >= SHORTEST)
    return frozenset(words) - _empty_words()


@functools.cache
def _empty_words() -> frozenset[str]:
    return frozenset(" ".join(table("empty_words").values()).split())


# --- resources -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Format:
    """A format of the vocabulary.

    Attributes:
        code: its id.
        kind: its family (table, vector, service, document…).
        stars: openness, 0–5.
        open: whether it is non-proprietary.
        machine: whether it is machine-readable.
        in_eu_table: whether the European authority table has it.
    """

    code: str
    kind: str
    stars: int
    open: bool
    machine: bool
    in_eu_table: bool

    @property
    def service(self) -> bool:
        """Return whether it is a protocol rather than a file format."""
        return self.kind == "service" or self.code == "SPARQL"

    @property
    def direct(self) -> bool:
        """Return whether it gives direct access to data: a file, or a download service."""
        if self.service:
            return self.code in DOWNLOAD_SERVICES
        return self.code != "HTML"

    @property
    def plain(self) -> bool:
        """Return whether it certainly has no geometry; a web page may lead to anything."""
        return self.kind in PLAIN_KINDS and self.code != "HTML"

    @property
    def with_geometry(self) -> bool:
        """Return whether it has a geometry, as far as the format alone tells."""
        return self.kind in GEOMETRY_KINDS and self.code not in ("API", "SPARQL")

    @property
    def without_geometry(self) -> bool:
        """Return whether it usually has no geometry."""
        return self.kind in PLAIN_KINDS or self.kind in STRUCTURE_KINDS

    @property
    def structured_and_open(self) -> bool:
        """Return whether it is machine-readable without proprietary software (three stars)."""
        return (
            self.open
            and self.machine
            and self.stars >= OPEN_STARS
            and self.kind not in NO_DATA_KINDS
        )


class Record(View):
    """A dataset or resource in which mark-up and placeholders ("à compléter") say nothing."""

    clean = staticmethod(clean)

    @functools.cached_property
    def nature(self) -> links.Nature:
        """What this resource is."""
        return links.nature({name: self.text(name) for name in links.FIELDS})

    @functools.cached_property
    def format(self) -> Format | None:
        """Format of this resource."""
        return format_of(self.nature.format)

    @property
    def is_data(self) -> bool:
        """Whether this resource holds data, as a file or a service."""
        return role(self) in DATA_ROLES

    @property
    def is_uploaded(self) -> bool:
        """Whether the file of this resource is hosted by the portal."""
        return self.text("url_type") == "upload"

    @property
    def is_intranet(self) -> bool:
        """Whether this resource is reachable only within the State's own network."""
        return links.is_internal({name: self.text(name) for name in ("url", "url_type", "network")})


def format_of(concept: Concept | None) -> Format | None:
    """Return a format of the vocabulary with its properties, None without one."""
    if concept is None:
        return None
    data = concept.data
    return Format(
        concept.id,
        data["kind"],
        data["stars"] or 0,
        data["open"],
        data["machine_readable"],
        concept.uri.startswith("http"),
    )


@dataclass(frozen=True)
class Distributions:
    """Counts over the data resources (files and services) that are reachable from the internet.

    Attributes:
        total: all resources, including documents and intranet links.
        data: data resources.
        intranet: data resources reachable only within the State's own network.
        direct: those that give direct access to data (a file, or a download service) rather than
            through a page.
        open: those in an open and structured format (three stars or more) whose URL is not known to
            be broken, without tables and the like that are beside data with a geometry and not
            named like them.
        open_broken: the same, but with a URL known to be broken.
        documents: documentation resources.
        documented: those with a name and a description.
        plain: those whose format has no geometry.
        links_ok, links_broken, links_unchecked: state of their URLs.
        downloads, downloads_ok, downloads_broken: the same for declared download URLs
            (dcat:downloadURL).
        stars: best openness, 0–5.
        best: MQA interoperability indicators met by the best resource.
        licences, rights, sizes, issued, modified: number of resources that state each.
        targets: criterion → id of the first resource to correct for it.
    """

    total: int = 0
    data: int = 0
    intranet: int = 0
    direct: int = 0
    open: int = 0
    open_broken: int = 0
    documents: int = 0
    documented: int = 0
    plain: int = 0
    links_ok: int = 0
    links_broken: int = 0
    links_unchecked: int = 0
    downloads: int = 0
    downloads_ok: int = 0
    downloads_broken: int = 0
    stars: int = 0
    best: tuple[str, ...] = ()
    licences: int = 0
    rights: int = 0
    sizes: int = 0
    issued: int = 0
    modified: int = 0
    targets: Mapping[str, str] = field(default_factory=dict)

    @property
    def only_plain(self) -> bool:
        """Return whether there are data, none of which has a geometry."""
        return 0 < self.data == self.plain

    @classmethod
    def from_dict(cls, data: Row) -> Distributions:
        """Return stored counts; unknown names are ignored."""
        names = {f.name for f in fields(cls)}
        values = {name: value for name, value in data.items() if name in names}
        values["best"] = tuple(values.get("best", ()))
        return cls(**values)


def is_web_address(value: str) -> bool:
    """Return whether `value` is an http(s) URL with a host."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def is_public_address(value: str) -> bool:
    """Return whether `value` is a URL reachable from the internet."""
    return is_web_address(value) and not links.is_internal({"url": value})


def role(resource: Record) -> str:
    """Return the role of `resource`: as declared, else by its link or name, else data."""
    declared = resource.text("resource_role")
    if declared in DATA_ROLES or declared in OTHER_ROLES:
        return declared
    if resource.nature.kind == links.SERVICE:
        return links.SERVICE
    # A document by its format alone is not enough: a PDF may be all that there is of the data, and
    # counts as a distribution in the European assessment.
    is_plain = resource.format is not None and resource.format.plain
    if _is_document(resource.text("name"), is_plain):
        return links.DOCUMENTATION
    return links.DATA


@functools.lru_cache(maxsize=4096)
def _is_document(name: str, plain: bool) -> bool:
    """Return whether `name` is that of a document about the data.

    It starts with a word such as "Notice"; or a format without geometry has a name such as "Liste
    des attributs".
    """
    words = fold(name).split()
    names = table("documents")
    if plain and any(word in names["about_the_data"] for word in words):
        return True
    return bool(words) and words[0] in names["documents"]


class SpatialResources:
    """The resources of a dataset that have a geometry, with which a table may be compared.

    Attributes:
        paths: paths of their URLs.
        words: words of their names that inform.
        title: words of the dataset's title that inform.
    """

    def __init__(self, resources: Sequence[Record], title: str):
        spatial = [
            resource for resource in resources if resource.is_data and _has_geometry(resource)
        ]
        self.paths = {_path(resource) for resource in spatial} - {""}
        self.words = frozenset[str]().union(*map(_words_of_name, spatial))
        self.title = informing(title)

    def match(self, table_resource: Record) -> bool:
        """Return whether a table may hold the same data.

        It does if there is nothing to compare it with, if it is another format of the same export,
        or if it is named like one of these resources or like the dataset.
        """
        path = _path(table_resource)
        all_words = informing(f"{table_resource.text('name')} {path}")
        return (
            not self.paths
            or path in self.paths
            or not all_words.isdisjoint(self.title)
            or not _words_of_name(table_resource).isdisjoint(self.words)
        )


def _has_geometry(resource: Record) -> bool:
    return resource.format is not None and resource.format.with_geometry


def _path(resource: Record) -> str:
    """Return the path of the URL without the extension.

    The formats of an export differ in the query or the extension.
    """
    try:
        path = urlsplit(resource.text("url")).path
    except ValueError:
        return ""
    return path.rpartition(".")[0] or path


def _words_of_name(resource: Record) -> frozenset[str]:
    return informing(f"{resource.text('name')} {_path(resource).rpartition('/')[2]}")


# --- counts ---------------------------------------------------------------------------------------


def addresses(resource: Record) -> tuple[str, ...]:
    """Return the URLs of `resource` to check; none for files hosted by the portal."""
    if resource.is_uploaded:
        return ()
    urls = (resource.text(name) for name in ("url", "access_url", "download_url"))
    return tuple(dict.fromkeys(url for url in urls if is_web_address(url)))


def interoperability(resource: Record) -> tuple[str, ...]:
    """Return the MQA indicators of interoperability that `resource` meets."""
    media_type, file_format = resource.text("mimetype"), resource.format
    is_listed = file_format is not None and file_format.in_eu_table
    met = {
        "format": bool(resource.text("format")),
        "media_type": bool(media_type),
        "vocabulary": is_listed and links.format_of_media_type(media_type) is not None,
        "non_proprietary": file_format is not None and file_format.open,
        "machine_readable": file_format is not None and file_format.machine,
    }
    return tuple(indicator for indicator, is_met in met.items() if is_met)


@functools.cache
def _mqa_points(indicators: tuple[str, ...]) -> int:
    """Return the points that the MQA gives for indicators."""
    rows = (row for row in tables.rows(DATA / "requirements.csv") if row["view"] == "mqa")
    return sum(int(row["points"]) for row in rows if row["id"] in indicators)


def gather_distributions(
    resources: Sequence[Record],
    answering: Mapping[str, bool],
    own: Sequence[str],
    title: str,
) -> Distributions:
    """Aggregate the facts about `resources`; see `Distributions`.

    Args:
        resources: the dataset's resources.
        answering: URL → whether it answers, for the URLs checked so far.
        own: access URLs of the dataset itself, such as a code repository.
        title: title of the dataset.
    """
    counts = Counter(total=len(resources))
    best: tuple[str, ...] = ()
    targets: dict[str, str] = {}
    spatial: SpatialResources | None = None
    for resource in resources:
        if not resource.is_data:
            counts["documents"] += role(resource) == links.DOCUMENTATION
            continue
        identity = resource.text("id")
        if resource.is_intranet:
            counts["intranet"] += 1
            targets.setdefault("data_access", identity)
            continue
        own_counts = _counts_of(resource, answering)
        file_format = resource.format
        if file_format and file_format.without_geometry:
            spatial = spatial or SpatialResources(resources, title)  # built once, if at all
            if not spatial.match(resource):
                own_counts["open"] = own_counts["open_broken"] = 0
        counts.update(own_counts)
        if file_format:
            counts["stars"] = max(counts["stars"], file_format.stars)
        best = max(best, interoperability(resource), key=_mqa_points)
        for criterion in _failed(own_counts):
            targets.setdefault(criterion, identity)
    for address in own:
        counts[_STATES[answering.get(address)]] += 1
    for criterion in _met_by_one(counts):  # other resources need no correction
        targets.pop(criterion, None)
    targets = {criterion: identity for criterion, identity in targets.items() if identity}
    return Distributions(**counts, best=best, targets=targets)


#: Whether a URL answers, None if it was not checked → name of the count.
_STATES = {True: "links_ok", False: "links_broken", None: "links_unchecked"}


def _failed(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield the criteria that a resource with these counts does not meet."""
    for criterion, name in (
        ("resources_documented", "documented"),
        ("open_format", "open"),
        ("direct_access", "direct"),
    ):
        if not counts[name]:
            yield criterion
    if counts["links_broken"]:
        yield "links_work"
        yield "answers"


def _met_by_one(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield the criteria for which one good resource suffices, and that have one."""
    for criterion, name in (
        ("open_format", "open"),
        ("direct_access", "direct"),
        ("data_access", "data"),
    ):
        if counts[name]:
            yield criterion
    if counts["links_ok"] or counts["links_unchecked"]:
        yield "answers"


def _counts_of(resource: Record, answering: Mapping[str, bool]) -> dict[str, int]:
    """Return the counts of a single data resource, each 0 or 1; see `Distributions`."""
    file_format = resource.format
    states = [answering.get(address) for address in addresses(resource)]
    answers = answering.get(resource.text("download_url"))
    broken = False in states
    reachable = resource.is_uploaded or bool(states)
    is_open = reachable and file_format is not None and file_format.structured_and_open
    flags = {
        "data": reachable,
        "direct": reachable and file_format is not None and file_format.direct,
        "open": is_open and not broken,
        "open_broken": is_open and broken,
        "documented": resource.text("name") and resource.text("description"),
        "plain": file_format is not None and file_format.plain,
        "links_ok": resource.is_uploaded or (states and all(states)),
        "links_broken": broken,
        "links_unchecked": None in states and not broken,
        "downloads": resource.text("download_url"),
        "downloads_ok": answers is True,
        "downloads_broken": answers is False,
        "licences": resource.text("license"),
        "rights": resource.text("rights"),
        "sizes": resource.text("size"),
        "issued": resource.text("issued"),
        "modified": resource.text("modified"),
    }
    return {name: int(bool(flag)) for name, flag in flags.items()}
