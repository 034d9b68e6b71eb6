"""data.gouv.fr's software, udata, harvests the portal with its own code:
what became of each dataset, as a table.
"""

# ruff: noqa: F811
from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.test_harvested_by_others import feed  # noqa: F401
from dev.stack.testing import UDATA

PYTHON = UDATA / "bin" / "python"
HARVESTER = Path(__file__).with_name("as_udata.py")

pytestmark = [
    pytest.mark.usefixtures("shared_db"),
    pytest.mark.slow("exchange"),
    pytest.mark.skipif(not PYTHON.exists(), reason="`make federation` installs udata"),
]

WFS = {
    "url": "https://ogc.example.org/wfs?service=WFS&request=GetCapabilities",
    "name": "Entités",
    "protocol": "OGC:WFS",
    "format": "WFS",
}
OPEN = {
    "access_rights": f"{samples.DIM}/access-right/PUBLIC",
    "access_limitation": [
        f"{samples.INSPIRE}/metadata-codelist/LimitationsOnPublicAccess/noLimitations"
    ],
    "access_conditions": "",
}
#: Licence of the portal → that of data.gouv.fr; udata compares addresses in lower case with its own
#: in any case, and so does not recognise `http://spdx.org/licenses/ODbL-1.0`.
LICENCES = {"etalab-2.0": "lov2", "odc-odbl": "notspecified"}


def harvested(address: str, backend: str = "dcat") -> dict[str, Any]:
    """Return what udata made of an address."""
    command = [str(PYTHON), str(HARVESTER), backend, address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def full(name: str, **changes: Any) -> dict[str, Any]:
    """Return a complete dataset without checksums, which udata 17 cannot read."""
    identifier = f"https://catalogue.example.org/{name}"
    dataset = samples.full(name=name, title=f"Zones {name}", in_series=[], identifier=identifier)
    for resource in dataset["resources"]:
        resource.pop("hash", None)
        resource.pop("hash_algorithm", None)
    return {**dataset, **changes}


def compared(dataset: dict[str, Any], copy: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the value of each part here, and in udata."""
    is_open = dataset["access_rights"] == OPEN["access_rights"]
    # udata gives no licence to data of restricted access.
    licence = LICENCES[dataset["license_id"]] if is_open else None
    contacts = {(row["name"], row.get("email")) for row in dataset["contact"]}
    copied = {(name, email) for name, email, _role in copy["contacts"]}
    addresses = sorted(resource["url"] for resource in dataset["resources"])
    return {
        "title": (dataset["title"], copy["title"]),
        "description": (dataset["notes"], copy["description"]),
        "licence": (licence, copy["licence"]),
        "access": ("open" if is_open else "restricted", copy["access"]),
        "frequency": (dataset["frequency"].rpartition("/")[2].lower(), copy["frequency"]),
        "contact": (sorted(contacts), sorted(contacts & copied)),
        "place": (True, copy["geometry"] is not None),
        "files": (addresses, sorted(url for _title, url, _format in copy["resources"])),
        "names of files": (
            sorted(resource["name"] for resource in dataset["resources"]),
            sorted(title for title, _url, _format in copy["resources"]),
        ),
    }


def lost(form: str, here: dict[str, Any], there: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """Print the table of the parts of each dataset; return those that differ."""
    different = []
    for name, dataset in here.items():
        print(f"\n{form}: {name}")
        for part, (own, copy) in compared(dataset, there[name]).items():
            print(f"  {part:15} {'same' if own == copy else 'DIFFERS'}  {str(copy)[:80]}")
            if own != copy:
                different.append((name, part, own, copy))
    return different


def test_udata_reads_every_part_of_every_dataset(feed: str, create: Any):
    rows = [
        full("federees-lov", **OPEN),
        full("federees-odbl", **OPEN, license_id="odc-odbl", resources=[WFS]),
        full("federees-restreintes"),
    ]
    here = {dataset["name"]: create(dataset) for dataset in rows}
    create(full("federees-privees", private=True))
    for form in ("ttl", "xml"):
        answer = harvested(f"{feed}/catalog.{form}?q=name:federees*")
        assert answer["status"] == "done", (answer["errors"], answer["items"])
        there = {copy["id"].rpartition("/")[2]: copy for copy in answer["datasets"]}
        assert set(there) == set(here)
        assert lost(form, here, there) == []
        files = [resource for copy in there.values() for resource in copy["resources"]]
        formats = {address: file_format for _title, address, file_format in files}
        assert formats[WFS["url"]] == "wfs"
        assert set(formats.values()) == {"shp", "wms", "wfs"}


def test_udata_refuses_a_checksum_as_dcat_ap_writes_it(feed: str, create: Any):
    """When this fails, udata reads `xsd:hexBinary`: take the limit out of docs/federation.md."""
    create(samples.full(name="empreinte", in_series=[]))
    answer = harvested(f"{feed}/catalog.ttl?q=name:empreinte")
    assert [item["status"] for item in answer["items"]] == ["failed"]
    assert "checksum" in answer["items"][0]["errors"][0]
