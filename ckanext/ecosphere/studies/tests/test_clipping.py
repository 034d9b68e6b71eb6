"""The data around the site of a study: asked for, made by the room `access` in the background,
taken in the archive.
"""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from ckan import model

from ckanext.ecosphere.access import jobs as access
from ckanext.ecosphere.studies import store
from ckanext.ecosphere.studies.publications import clipping
from ckanext.ecosphere.studies.tests.conftest import Catalogue, act, dataset
from dev.ogc.server import served


@pytest.fixture
def kept(study: Any, catalogue: Catalogue) -> Any:
    """A study that keeps a dataset with a service, one without,
    and a private one that its reader may not read.
    """
    with served() as url:
        resource = {
            "url": f"{url}/wfs",
            "format": "WFS",
            "protocol": "OGC:WFS",
            "name": "eco:zones_humides",
        }
        document = {"url": "https://data.example/arrete.pdf", "format": "PDF", "name": "Arrêté"}
        made = study(communes=["44109"])
        row = store.needs(store.get(made["id"]))[0]
        for title, resources, private in (
            ("Zones humides", [resource], False),
            ("Arrêtés", [document], False),
            ("Captages", [resource], True),
        ):
            package = dataset(title=title, resources=resources, private=private)
            store.add(store.get(made["id"]), row, package, {"user": "editor"})
        model.Session.commit()
        access.read_services()
        yield made


def archive_of(
    client: Any, headers: dict[str, str], id_: str
) -> tuple[list[str], list[dict[str, str]]]:
    """Return the extracted files in the archive of a study,
    and the table that says what became of each.
    """
    content = client.get(f"/fr/etudes/{id_}/fichiers/etude.zip", headers=headers).data
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        table = archive.read("donnees.csv").decode("utf-8-sig")
        files = [name for name in archive.namelist() if name.startswith("donnees/")]
        assert all(archive.read(name).startswith(b"SQLite format 3") for name in files)
    return files, list(csv.DictReader(io.StringIO(table), delimiter=";"))


def test_the_data_around_the_site_are_in_the_archive(kept: dict[str, Any], visitor: Any):
    client, headers = visitor("writer")
    address, page = f"/fr/etudes/{kept['id']}/extraits", f"/fr/etudes/{kept['id']}/emporter"
    assert client.post(address, headers=headers).status_code == 302
    assert "en cours" in client.get(page, headers=headers).get_data(as_text=True)
    files, table = archive_of(client, headers, kept["id"])
    assert files == []
    assert [bool(row["Pourquoi non"]) for row in table] == [True, True]
    access.make_extracts()
    assert "1 sur 2" in client.get(page, headers=headers).get_data(as_text=True)
    files, table = archive_of(client, headers, kept["id"])
    assert len(files) == 1
    by_title = {row["Jeu de données"]: row for row in table}
    assert by_title["Zones humides"]["Fichier"] == files[0]
    assert int(by_title["Zones humides"]["Objets"]) > 0
    assert by_title["Arrêtés"]["Pourquoi non"]


def test_readers_take_what_they_may_read_and_ask_for_nothing(kept: dict[str, Any], visitor: Any):
    client, headers = visitor("reader")
    address = f"/fr/etudes/{kept['id']}/extraits"
    assert client.post(address, headers=headers).status_code == 403
    act("extract", "writer", id=kept["id"])
    access.make_extracts()
    files, table = archive_of(client, headers, kept["id"])
    assert len(files) == 1
    assert "Captages" not in str(table)
    page = client.get(f"/fr/etudes/{kept['id']}/emporter", headers=headers).get_data(as_text=True)
    assert '/extraits"' not in page


@pytest.mark.slow("variants")
def test_what_is_asked_for_again_is_only_what_is_missing(
    kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clipping, "MOST", 0)
    rows = act("extract", id=kept["id"])
    assert not any(row["extract"] for row in rows)
    assert all(row["why"] for row in rows)
    monkeypatch.setattr(clipping, "MOST", 5)
    first, again = (act("extract", id=kept["id"]) for _time in range(2))
    assert [row["extract"] for row in first] == [row["extract"] for row in again]
    access.make_extracts()
    monkeypatch.setattr(clipping, "MOST_BYTES", 10)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        clipping.add_to(archive, act("extract", id=kept["id"]))
        assert archive.namelist() == ["donnees.csv"]


def test_a_study_that_keeps_nothing_has_nothing_to_prepare(study: Any, visitor: Any):
    client, headers = visitor("writer")
    made = study(communes=["44109"])
    client.post(f"/fr/etudes/{made['id']}/extraits", headers=headers)
    page = client.get(f"/fr/etudes/{made['id']}/emporter", headers=headers).get_data(as_text=True)
    assert "Gardez d’abord un jeu de données dans l’étude" in page
