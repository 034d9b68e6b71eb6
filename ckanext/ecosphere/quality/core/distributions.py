"""Aggregated facts about a dataset's resources: availability, formats, and whether the links answer."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.quality.core import words
from ckanext.ecosphere.quality.storage.reading import Record, fold, table
from ckanext.ecosphere.vocabularies import Concept

DATA_ROLES = ("data", "service")
OTHER_ROLES = ("documentation", "metadata", "sample")
DOWNLOAD_SERVICES = frozenset({"WFS", "WCS", "Atom Feed", "API", "SPARQL"})
PLAIN_KINDS = frozenset({"table", "document"})
STRUCTURE_KINDS = frozenset({"structured", "linked"})
GEOMETRY_KINDS = frozenset({"vector", "raster", "service"})
NO_DATA_KINDS = frozenset({"document", "image"})
OPEN_STARS = 3  # minimum stars of an open and structured format
#: Fields of a resource that tell what it is.
_TELLING = (
    "url",
    "download_url",
    "format",
    "mimetype",
    "protocol",
    "resource_role",
    "name",
    "description",
    "compress_format",
    "package_format",
)


@dataclass(frozen=True)
class Format:
    """A format.

    `code` is its id in the vocabulary, `kind` its family (table, vector, service, document…).
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
        return self.code in DOWNLOAD_SERVICES if self.service else self.code != "HTML"

    @property
    def plain(self) -> bool:
        """Return whether it certainly has no geometry."""
        return self.kind in PLAIN_KINDS and self.code != "HTML"

    @property
    def with_geometry(self) -> bool:
        """Return whether what has this format has a geometry, as far as the format alone tells."""
        return self.kind in GEOMETRY_KINDS and self.code not in ("API", "SPARQL")

    @property
    def without_geometry(self) -> bool:
        """Return whether what has this format usually has no geometry."""
        return self.kind in PLAIN_KINDS or self.kind in STRUCTURE_KINDS

    @property
    def structured_and_open(self) -> bool:
        """Return whether it is machine-readable without proprietary software (three stars)."""
        return self.open and self.machine and self.stars >= OPEN_STARS and self.kind not in NO_DATA_KINDS


def format_of(concept: Concept | None) -> Format | None:
    """Return the properties of a format of the vocabulary."""
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


def format_of_resource(resource: Record) -> Format | None:
    """Return the format of `resource`."""
    return format_of(_nature(resource).format)


def _nature(resource: Record) -> links.Nature:
    return links.nature({name: resource.text(name) for name in _TELLING})


@dataclass(frozen=True)
class Distributions:
    """Counts over the data resources (files and services) that are reachable from the internet.

    Attributes:
        total: all resources, including documents and intranet links.
        data: data resources.
        intranet: data resources reachable only within the State's own network.
        direct: those that give direct access to data (a file, or a download service) rather than through a page.
        open: those in an open and structured format (three stars or more) whose URL is not known to be broken, without
            tables and the like that are beside data with a geometry and not named like them.
        open_broken: those in an open and structured format whose URL is known to be broken.
        documents: documentation resources.
        documented: those with a name and a description.
        plain: those whose format has no geometry.
        links_ok, links_broken, links_unchecked: state of their URLs.
        downloads, downloads_ok, downloads_broken: the same for declared download URLs (dcat:downloadURL).
        stars: best openness, 0–5.
        best: MQA interoperability indicators met by the best resource.
        licences, rights, sizes, issued, modified: number of resources that state each.
        dcat_ap: verdict of the SHACL validation of the whole dataset, None if not validated.
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
    dcat_ap: bool | None = None
    targets: Mapping[str, str] = field(default_factory=dict)

    @property
    def only_plain(self) -> bool:
        """Return whether there are data, none of which has a geometry."""
        return 0 < self.data == self.plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Distributions:
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


def is_intranet(resource: Record) -> bool:
    """Return whether `resource` is reachable only within the State's own network."""
    fields = {name: resource.text(name) for name in ("url", "url_type", "network")}
    return links.is_internal(fields)


def role(resource: Record, known: Format | None) -> str:
    """Return the role of `resource`: as declared, else service by its link, documentation by its name, or data."""
    declared = resource.text("resource_role")
    if declared in DATA_ROLES or declared in OTHER_ROLES:
        return declared
    if _nature(resource).kind == links.SERVICE:
        return links.SERVICE
    # A PDF without a role may be all that there is of the data (a distribution of the European assessment).
    is_document = _is_document(resource.text("name"), bool(known and known.plain))
    return links.DOCUMENTATION if is_document else links.DATA


@functools.lru_cache(maxsize=4096)
def _is_document(name: str, plain: bool) -> bool:
    """Return whether `name` is that of a document about the data: "Notice", or the table "Liste des attributs"."""
    folded = fold(name).split()
    names = table("documents")
    if plain and any(word in names["about_the_data"] for word in folded):
        return True
    return bool(folded) and folded[0] in names["documents"]


class Neighbours:
    """Resources with a geometry, beside which a table may or may not hold the same data."""

    def __init__(self, resources: Sequence[Record], title: str):
        self.paths = {path for path in map(_path, resources) if path}
        self.words = frozenset[str]().union(*map(_naming, resources))
        self.title = words.informing(title)

    def are_held_by(self, resource: Record) -> bool:
        """Return whether a table is another format of the same export, or named like them or like the dataset."""
        path = _path(resource)
        everything = words.informing(f"{resource.text('name')} {path}")
        return (
            not self.paths
            or path in self.paths
            or not everything.isdisjoint(self.title)
            or not _naming(resource).isdisjoint(self.words)
        )


def _path(resource: Record) -> str:
    """Return the path of the URL without the extension: formats of an export differ in the query or the extension."""
    try:
        path = urlsplit(resource.text("url")).path
    except ValueError:
        return ""
    return path.rpartition(".")[0] or path


def _naming(resource: Record) -> frozenset[str]:
    return words.informing(f"{resource.text('name')} {_path(resource).rpartition('/')[2]}")


def is_uploaded(resource: Record) -> bool:
    """Return whether the file is hosted by the portal."""
    return resource.text("url_type") == "upload"


def addresses(resource: Record) -> tuple[str, ...]:
    """Return the URLs of `resource` to check; none for files hosted by the portal."""
    if is_uploaded(resource):
        return ()
    found = (resource.text(name) for name in ("url", "access_url", "download_url"))
    return tuple(dict.fromkeys(a for a in found if is_web_address(a)))


def interoperability(resource: Record, known: Format | None) -> tuple[str, ...]:
    """Return the MQA indicators of interoperability that `resource` meets."""
    media = resource.text("mimetype")
    is_listed = known is not None and known.in_eu_table and links.format_of_media_type(media) is not None
    met = {
        "format": bool(resource.text("format")),
        "media_type": bool(media),
        "vocabulary": is_listed,
        "non_proprietary": bool(known and known.open),
        "machine_readable": bool(known and known.machine),
    }
    return tuple(name for name, value in met.items() if value)


_WEIGHTS = {"format": 20, "media_type": 10, "vocabulary": 10, "non_proprietary": 20, "machine_readable": 20}


def gather_distributions(
    resources: Sequence[Record],
    answering: Mapping[str, bool],
    dcat_ap: bool | None,
    own: Sequence[str] = (),
    title: str = "",
) -> Distributions:
    """Aggregate the facts about `resources`; see `Distributions`.

    Args:
        resources: the dataset's resources.
        answering: URL → whether it answers, for the URLs checked so far.
        dcat_ap: verdict of the SHACL validation of the dataset.
        own: access URLs of the dataset itself, such as a code repository.
        title: title of the dataset.
    """
    counts: dict[str, int] = dict.fromkeys((f.name for f in fields(Distributions) if f.type == "int"), 0)
    counts["total"] = len(resources)
    best: tuple[str, ...] = ()
    targets: dict[str, str] = {}
    neighbours = functools.cache(lambda: Neighbours([each for each in resources if _has_geometry(each)], title))
    for resource in resources:
        known = format_of_resource(resource)
        part = role(resource, known)
        if part not in DATA_ROLES:
            counts["documents"] += part == "documentation"
            continue
        identity = resource.text("id")
        if is_intranet(resource):
            counts["intranet"] += 1
            targets.setdefault("data_access", identity)
            continue
        found = _one(resource, known, answering)
        if known and known.without_geometry and not neighbours().are_held_by(resource):
            found["open"] = found["open_broken"] = 0
        for name, value in found.items():
            counts[name] += value
        counts["stars"] = max(counts["stars"], known.stars if known else 0)
        best = max(best, interoperability(resource, known), key=lambda met: sum(map(_WEIGHTS.__getitem__, met)))
        for criterion, good in (
            ("resources_documented", found["documented"]),
            ("open_format", found["open"]),
            ("direct_access", found["direct"]),
            ("links_work", not found["links_broken"]),
            ("answers", not found["links_broken"]),
        ):
            if not good:
                targets.setdefault(criterion, identity)
    for address in own:
        state = {True: "links_ok", False: "links_broken", None: "links_unchecked"}[answering.get(address)]
        counts[state] += 1
    for name, count in (
        ("open_format", counts["open"]),
        ("direct_access", counts["direct"]),
        ("data_access", counts["data"]),
        ("answers", counts["links_ok"] + counts["links_unchecked"]),
    ):
        if count:  # one good resource suffices for these
            targets.pop(name, None)
    return Distributions(**counts, best=best, dcat_ap=dcat_ap, targets={k: v for k, v in targets.items() if v})


def _has_geometry(resource: Record) -> bool:
    known = format_of_resource(resource)
    return role(resource, known) in DATA_ROLES and known is not None and known.with_geometry


def _one(resource: Record, known: Format | None, answering: Mapping[str, bool]) -> dict[str, int]:
    states = [answering.get(address) for address in addresses(resource)]
    download = resource.text("download_url")
    uploaded = is_uploaded(resource)
    reachable = uploaded or bool(states)
    broken = any(state is False for state in states)
    is_open = reachable and known is not None and known.structured_and_open
    return {
        "data": int(reachable),
        "direct": int(reachable and known is not None and known.direct),
        "open": int(is_open and not broken),
        "open_broken": int(is_open and broken),
        "documented": int(bool(resource.text("name")) and bool(resource.text("description"))),
        "plain": int(known is not None and known.plain),
        "links_ok": int(uploaded or (bool(states) and all(states))),
        "links_broken": int(broken),
        "links_unchecked": int(bool(states) and False not in states and not all(states)),
        "downloads": int(bool(download)),
        "downloads_ok": int(answering.get(download) is True),
        "downloads_broken": int(answering.get(download) is False),
        "licences": int(bool(resource.text("license"))),
        "rights": int(bool(resource.text("rights"))),
        "sizes": int(bool(resource.text("size"))),
        "issued": int(bool(resource.text("issued"))),
        "modified": int(bool(resource.text("modified"))),
    }
