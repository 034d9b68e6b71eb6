"""Roles of resources and layers of services found in real records, beside those of tables judged by
hand.

`judged/judged_resources.csv` gives the kind, format, main action and button of each resource;
`judged/judged_services.csv` the kind and layer of each service. Servers are simulated: their
capabilities list the layer beside others with similar names, or a single layer.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from lxml import etree

from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.services.storage import address_of
from ckanext.ecosphere.dataset.services import ServiceAddress, service_at
from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.schemas import page
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

DATA = Path(__file__).parent / "judged"
RECORDS = Path(__file__).parents[4] / "shared" / "records"
CONTEXT = Context(
    fallback_organisation="administration-centrale-ou-ministere_172120", free_tags=True
)
_RECORD = "{http://www.isotc211.org/2005/gmd}MD_Metadata"
_ALONE = "couche_unique"
_CAPABILITIES = {
    "wms": '<WMS_Capabilities version="1.3.0"><Capability><Layer>{}</Layer></Capability></WMS_Capabilities>',
    "wfs": '<WFS_Capabilities version="2.0.0"><FeatureTypeList>{}</FeatureTypeList></WFS_Capabilities>',
    "wmts": '<Capabilities xmlns="http://www.opengis.net/wmts/1.0"><Contents>{}</Contents></Capabilities>',
    "atom": '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>',
}
_LAYERS = {
    "wms": "<Layer><Name>{0}</Name><Title>{1}</Title></Layer>",
    "wfs": "<FeatureType><Name>{0}</Name><Title>{1}</Title></FeatureType>",
    "wmts": '<Layer xmlns:o="http://www.opengis.net/ows/1.1"><o:Title>{1}</o:Title><o:Identifier>{0}</o:Identifier></Layer>',
    "atom": "<entry><id>{0}</id><title>{1}</title></entry>",
}


@dataclass
class Verdict:
    """A resource with the values judged by a person and those found by the portal.

    Attributes:
        record: `file#place`: file in the folder of records, and index of the record in it.
        address: URL of the resource.
        judged: columns of the table.
        found: the same columns, as found by the portal.
    """

    record: str
    address: str
    judged: dict[str, str]
    found: dict[str, str] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether the portal agrees with the person."""
        return self.judged == self.found


def judged(table: str) -> dict[str, list[dict[str, str]]]:
    """Return the rows of a table of `judged`, by record."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    lines = (DATA / table).read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        found[row["record"]].append(row)
    return dict(found)


def dataset(name: str, folder: Path = RECORDS) -> dict[str, Any]:
    """Return the dataset that a harvest makes of the record `file#place`."""
    file, _hash, place = name.rpartition("#")
    path = folder / file
    content = path.read_bytes()
    if path.suffix == ".xml":
        root = etree.fromstring(content, etree.XMLParser(huge_tree=True, resolve_entities=False))
        if records := list(root.iter(_RECORD)):
            return normalise(read_record(records[int(place)]), CONTEXT).dataset
    graph = rdf.parse(
        content,
        "text/turtle" if path.suffix == ".ttl" else "",
        2**25,
        "https://records.example.org/",
    )
    subject = rdf.datasets(graph)[int(place)]
    return normalise(
        read_dataset(*rdf.from_text(rdf.as_text(rdf.around(graph, subject), subject))), CONTEXT
    ).dataset


def resources(folder: Path = RECORDS) -> list[Verdict]:
    """Compare the kind, format, main action and button of every resource."""
    found = []
    for record, rows in judged("judged_resources.csv").items():
        own = dataset(record, folder)["resources"]
        if len(own) != len(rows):
            found.append(
                Verdict(record, "", {"resources": str(len(rows))}, {"resources": str(len(own))})
            )
            continue
        for resource, row in zip(own, rows, strict=True):
            use = page.use_of(resource)
            said = {"kind": use.kind, "name": use.name, "action": use.action, "button": use.button}
            found.append(Verdict(record, resource["url"], {key: row[key] for key in said}, said))
    return found


def services(folder: Path = RECORDS) -> list[Verdict]:
    """Compare the kind of service at each URL, and the layer that the record refers to."""

    def answer(exchange: Exchange) -> None:
        asked = parse_qs(urlsplit(exchange.path).query)
        exchange.answer(
            _capabilities(asked["kind"][0], asked.get("couche", [""])[0]), Content_Type="text/xml"
        )

    found = []
    with serve(answer) as server:
        for record, rows in judged("judged_services.csv").items():
            own = dataset(record, folder)
            for row in rows:
                resource = own["resources"][int(row["resource"])]
                address = address_of(resource) if row["network"] == "" else _named(resource)
                wanted = {"kind": row["kind"], "layer": ""}
                said = {"kind": address.kind if address else "", "layer": ""}
                if address and row["kind"]:
                    wanted["layer"] = row["layer"] or _ALONE
                    texts = (resource.get("name") or "", own.get("title") or "")
                    said["layer"] = " ".join(_layers(address, server.url, row["layer"], texts))
                found.append(Verdict(record, resource["url"], wanted, said))
    return found


def _capabilities(kind: str, layer: str) -> str:
    plain = layer.rpartition(":")[2]
    names = [f"autre:{plain}_v2", layer, f"{plain}2", "fond_de_plan"] if layer else [_ALONE]
    return _CAPABILITIES[kind].format(
        "".join(_LAYERS[kind].format(escape(name), escape(name)) for name in names)
    )


def _layers(address: ServiceAddress, server: str, layer: str, texts: tuple[str, str]) -> list[str]:
    """Read the capabilities of the simulated server and match layers as the portal does."""
    replayed = ServiceAddress(
        address.kind, f"{server}/s?kind={address.kind}&couche={layer}", address.layer
    )
    settings = GuardSettings(allowed_networks=networks(["127.0.0.1/32"]))
    described = storage.ask(GuardedSession(settings), replayed).description
    layers = (
        [{"name": each.name, "title": each.title} for each in described.layers] if described else []
    )
    return [each["name"] for each in presentation.layers_of(layers, address.layer, texts)]


def _named(resource: dict[str, Any]) -> ServiceAddress | None:
    """Return the service of a URL that only the government network can reach: recognised,
    but never requested.
    """
    if address_of(resource) is not None:
        return None
    return service_at(resource["url"], resource.get("format") or "", resource.get("protocol") or "")
