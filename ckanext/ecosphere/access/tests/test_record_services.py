"""Services of real records, replayed from capabilities made by hand: kind, layer, and what stays unread.

`record-services.csv` was judged by hand; the records are those of `schemas/tests/resource-uses.csv`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest

from ckanext.ecosphere.access.services import matching, runs
from ckanext.ecosphere.access.services.kinds import Address, recognise
from ckanext.ecosphere.access.services.storage import address_of
from ckanext.ecosphere.schemas.tests.test_resource_uses import dataset
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

LEAST_RECORDS, LEAST_SERVICES = 20, 80
ALONE = "couche_unique"
CAPABILITIES = {
    "wms": '<WMS_Capabilities version="1.3.0"><Capability><Layer>{}</Layer></Capability></WMS_Capabilities>',
    "wfs": '<WFS_Capabilities version="2.0.0"><FeatureTypeList>{}</FeatureTypeList></WFS_Capabilities>',
    "wmts": '<Capabilities xmlns="http://www.opengis.net/wmts/1.0"><Contents>{}</Contents></Capabilities>',
    "atom": '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>',
}
LAYERS = {
    "wms": "<Layer><Name>{0}</Name><Title>{1}</Title></Layer>",
    "wfs": "<FeatureType><Name>{0}</Name><Title>{1}</Title></FeatureType>",
    "wmts": '<Layer xmlns:o="http://www.opengis.net/ows/1.1"><o:Title>{1}</o:Title><o:Identifier>{0}</o:Identifier></Layer>',
    "atom": "<entry><id>{0}</id><title>{1}</title></entry>",
}


def judged() -> Iterator[tuple[dict[str, str], dict[str, Any], str]]:
    """Rows of the table with the resource of the record and the title of its dataset."""
    known: dict[str, dict[str, Any]] = {}
    lines = Path(__file__).with_name("record-services.csv").read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        found = known.setdefault(row["record"], {}) or dataset(row["record"])
        known[row["record"]] = found
        yield row, found["resources"][int(row["resource"])], found.get("title") or ""


def capabilities(kind: str, layer: str) -> str:
    """What a server with the layer says, beside others that are called almost like it; or with one layer only."""
    plain = layer.rpartition(":")[2]
    names = [f"autre:{plain}_v2", layer, f"{plain}2", "fond_de_plan"] if layer else [ALONE]
    return CAPABILITIES[kind].format("".join(LAYERS[kind].format(escape(name), escape(name)) for name in names))


@pytest.mark.records
def test_kinds_and_layers_of_the_services_of_real_records():
    rows = list(judged())
    assert len({row["record"] for row, _resource, _title in rows}) >= LEAST_RECORDS
    assert len(rows) >= LEAST_SERVICES
    wrong: list[Any] = []
    counted: Counter[str] = Counter()

    def answer(exchange: Exchange) -> None:
        asked = parse_qs(urlsplit(exchange.path).query)
        exchange.answer(capabilities(asked["kind"][0], asked.get("couche", [""])[0]), Content_Type="text/xml")

    settings = GuardSettings(allowed_networks=networks(["127.0.0.1/32"]))
    with serve(answer) as server:
        for row, resource, title in rows:
            address = address_of(resource) if row["network"] == "" else _named(resource)
            if address is None or row["kind"] == "":
                if (address.kind if address else "") != row["kind"]:
                    wrong.append((row, address))
                continue
            replayed = Address(address.kind, f"{server.url}/s?kind={address.kind}&couche={row['layer']}", address.layer)
            described = runs.ask(GuardedSession(settings), replayed).description
            layers = [{"name": each.name, "title": each.title} for each in described.layers] if described else []
            found = [
                each["name"] for each in matching.match(layers, address.layer, (resource.get("name") or "", title))
            ]
            counted[address.kind] += 1
            if (address.kind, found) != (row["kind"], [row["layer"] or ALONE]):
                wrong.append((row["record"][-40:], row["resource"], address, found))
    assert not wrong
    assert {"wms", "wfs", "wmts", "atom"} <= set(counted)


def _named(resource: dict[str, Any]) -> Address | None:
    """The service of an address that only the government's network reaches: it is known, and never asked."""
    assert address_of(resource) is None
    return recognise(resource["url"], resource.get("format") or "", resource.get("protocol") or "")
