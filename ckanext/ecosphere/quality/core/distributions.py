"""The facts about a dataset's resources, added up.

What can be had, in which formats, and whether the links answer.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from ckanext.ecosphere.quality.core import formats
from ckanext.ecosphere.quality.storage.reading import Record, fold, table

DATA_ROLES = ("data", "service")
OTHER_ROLES = ("documentation", "metadata", "sample")
INTRANET_SUFFIXES = (".rie.gouv.fr", ".i2", ".intra", ".intranet", ".local", ".lan", ".internal")


@dataclass(frozen=True)
class Distributions:
    """Counts over the resources that give data (files and services) and are reachable from the internet.

    Attributes:
        total: all resources, documents and intranet links included.
        data: resources that give data.
        intranet: those that can only be reached from the State's own network.
        direct: those that give data without passing through a page (a file, or a download service).
        open: those in an open and structured format (three stars or more) whose address is not known to be dead.
        documents: resources that explain the data instead of giving them.
        documented: those with a name and a description.
        plain: those whose format carries no geometry.
        links_ok, links_broken, links_unchecked: state of their addresses.
        downloads, downloads_ok, downloads_broken: the same for declared download addresses
            (dcat:downloadURL).
        stars: best openness, 0–5.
        best: interoperability of the best one, names of the MQA indicators that it meets.
        licences, rights, sizes, issued, modified: how many state each.
        dcat_ap: verdict of the SHACL check of the whole dataset, None when not checked.
        targets: criterion → id of the first resource to mend for it.
    """

    total: int = 0
    data: int = 0
    intranet: int = 0
    direct: int = 0
    open: int = 0
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
        """Whether there are data and none of them carries a geometry."""
        return 0 < self.data == self.plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Distributions:
        """Return stored counts; unknown names are left out."""
        names = {f.name for f in fields(cls)}
        values = {name: value for name, value in data.items() if name in names}
        values["best"] = tuple(values.get("best", ()))
        return cls(**values)


def is_web_address(value: str) -> bool:
    """Tell whether `value` is an http(s) address with a host."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def is_public_address(value: str) -> bool:
    """Tell whether `value` is a web address that can be reached from the internet."""
    return is_web_address(value) and not _is_internal(value)


def is_intranet(resource: Record) -> bool:
    """Tell whether `resource` can only be reached from the State's own network."""
    return resource.text("network") == "intranet" or _is_internal(resource.text("url"))


def _is_internal(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or host.endswith(INTRANET_SUFFIXES)


def role(resource: Record, known: formats.Format | None) -> str:
    """Return the role of `resource`: as declared, else service when its format is a protocol, else data."""
    declared = resource.text("resource_role")
    if declared in DATA_ROLES or declared in OTHER_ROLES:
        return declared
    return "service" if known and known.service else "data"


def explains(resource: Record) -> bool:
    """Tell whether `resource` is named as a document about the data ("Notice"…) and not said to be data."""
    return resource.text("resource_role") not in DATA_ROLES and _is_document(resource.text("name"))


@functools.lru_cache(maxsize=4096)
def _is_document(name: str) -> bool:
    words = fold(name).split()
    return bool(words) and words[0] in table("documents")["documents"]


def is_uploaded(resource: Record) -> bool:
    """Tell whether the file is kept by the portal itself."""
    return resource.text("url_type") == "upload"


def addresses(resource: Record) -> tuple[str, ...]:
    """Return the web addresses of `resource` that a background job can check.

    Files kept by the portal need no check.
    """
    if is_uploaded(resource):
        return ()
    found = (resource.text(name) for name in ("url", "access_url", "download_url"))
    return tuple(dict.fromkeys(a for a in found if is_web_address(a)))


def interoperability(resource: Record, known: formats.Format | None) -> tuple[str, ...]:
    """Return the MQA indicators of interoperability that `resource` meets."""
    media = resource.text("mimetype")
    met = {
        "format": bool(resource.text("format")),
        "media_type": bool(media),
        "vocabulary": bool(known and known.in_eu_table) and bool(media) and formats.is_media_type(media),
        "non_proprietary": bool(known and known.open),
        "machine_readable": bool(known and known.machine),
    }
    return tuple(name for name, value in met.items() if value)


_WEIGHTS = {"format": 20, "media_type": 10, "vocabulary": 10, "non_proprietary": 20, "machine_readable": 20}


def gather_distributions(
    resources: Sequence[Record], links: Mapping[str, bool], dcat_ap: bool | None, own: Sequence[str] = ()
) -> Distributions:
    """Add up the facts about `resources`; see `Distributions`.

    Args:
        resources: the dataset's resources.
        links: address → whether it answers, for the addresses checked so far.
        dcat_ap: verdict of the SHACL check of the dataset.
        own: addresses of the dataset itself that lead to it, such as the repository of code.
    """
    counts: dict[str, int] = dict.fromkeys((f.name for f in fields(Distributions) if f.type == "int"), 0)
    counts["total"] = len(resources)
    best: tuple[str, ...] = ()
    targets: dict[str, str] = {}
    for resource in resources:
        known = formats.of_resource(resource)
        part = role(resource, known)
        if part not in DATA_ROLES:
            counts["documents"] += part == "documentation"
            continue
        identity = resource.text("id")
        if is_intranet(resource):
            counts["intranet"] += 1
            targets.setdefault("data_access", identity)
            continue
        found = _one(resource, known, links)
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
        state = {True: "links_ok", False: "links_broken", None: "links_unchecked"}[links.get(address)]
        counts[state] += 1
    for name, count in (
        ("open_format", counts["open"]),
        ("direct_access", counts["direct"]),
        ("data_access", counts["data"]),
        ("answers", counts["links_ok"] + counts["links_unchecked"]),
    ):
        if count:  # one good resource is enough for these
            targets.pop(name, None)
    return Distributions(**counts, best=best, dcat_ap=dcat_ap, targets={k: v for k, v in targets.items() if v})


def _one(resource: Record, known: formats.Format | None, links: Mapping[str, bool]) -> dict[str, int]:
    states = [links.get(address) for address in addresses(resource)]
    download = resource.text("download_url")
    uploaded = is_uploaded(resource)
    reachable = uploaded or bool(states)
    broken = any(state is False for state in states)
    return {
        "data": int(reachable),
        "direct": int(reachable and known is not None and known.direct),
        "open": int(
            reachable and not broken and known is not None and known.structured_and_open and not explains(resource)
        ),
        "documented": int(bool(resource.text("name")) and bool(resource.text("description"))),
        "plain": int(known is not None and known.plain),
        "links_ok": int(uploaded or (bool(states) and all(states))),
        "links_broken": int(broken),
        "links_unchecked": int(bool(states) and False not in states and not all(states)),
        "downloads": int(bool(download)),
        "downloads_ok": int(links.get(download) is True),
        "downloads_broken": int(links.get(download) is False),
        "licences": int(bool(resource.text("license"))),
        "rights": int(bool(resource.text("rights"))),
        "sizes": int(bool(resource.text("size"))),
        "issued": int(bool(resource.text("issued"))),
        "modified": int(bool(resource.text("modified"))),
    }
