"""QGIS opens the project of a study: its groups are those of the frame,
and its layers are valid or say why not.
"""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ecosphere.shared import qgis
from ckanext.ecosphere.studies.tests.conftest import Catalogue, dataset
from dev.ogc.server import served

PYTHON = Path("/usr/bin/python3")
SCRIPT = Path(__file__).with_name("read_project.py")
QGIS = Path("/usr/lib/python3/dist-packages/qgis/core")

pytestmark = [
    pytest.mark.slow("exchange"),
    pytest.mark.skipif(not QGIS.exists(), reason="QGIS (Debian's python3-qgis) is not installed"),
]


def sources(url: str) -> list[qgis.Source]:
    """Return layers of the demonstration's server, and one of a server that is gone."""
    layer = {"name": "zones_humides", "title": "Zones", "crs": ["EPSG:4326"]}
    wms = {"kind": "wms", "url": f"{url}/wms"}
    services = [
        (wms, "WMS", "zones_humides"),
        ({"kind": "wfs", "url": f"{url}/wfs"}, "WFS", "eco:zones_humides"),
        ({"kind": "ogcapi", "url": f"{url}/ogc"}, "OGC API", "zones_humides"),
        ({**wms, "url": "http://127.0.0.1:9/wms"}, "Absent", "zones_humides"),
    ]
    made = [
        qgis.source_of_layer(service, {**layer, "title": title, "name": name})
        for service, title, name in services
    ]
    return [source for source in made if source is not None]


def test_qgis_opens_the_project(
    study: Any, catalogue: Catalogue, visitor: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    catalogue.offer("wetlands", dataset(name="zones-humides"))
    made = study()
    client, headers = visitor("owner")
    with served() as url:
        monkeypatch.setitem(tk.h, "plugin_loaded", lambda name: name == "ecosphere_access")
        monkeypatch.setitem(tk.h, "ecosphere_access_layers", lambda _package: sources(url))
        monkeypatch.setitem(tk.h, "ecosphere_access_parts", lambda _package, _box: [])
        answer = client.get(f"/fr/etudes/{made['id']}/fichiers/etude.zip", headers=headers)
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            archive.extractall(tmp_path)
        command = [str(PYTHON), str(SCRIPT), str(tmp_path / "projet.qgs")]
        environment = {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 0, done.stderr[-2000:]
    project = json.loads(done.stdout)
    assert (project["read"], project["crs"]) == (True, "EPSG:2154")
    assert project["groups"]["Site"] is True
    assert project["groups"]["Nature"]["Zones humides"] == {
        "WMS": True,
        "WFS": True,
        "OGC API": True,
        "Absent": False,
    }
    assert any("127.0.0.1:9" in message for message in project["messages"]), project["messages"]
