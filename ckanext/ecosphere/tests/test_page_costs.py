"""Pages that a source or a visitor could make expensive are answered within
two seconds of processor time.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.jobs import job_from_id
from ckan.lib.search import clear_all, rebuild
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.schemas import public_files
from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestSource

pytestmark = pytest.mark.slow("load")

MOST_SECONDS = 2
MANY_LINKS = 8_000
KIND = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/dataset"
TEN_MEGABYTES = 10 * 2**20


@pytest.fixture
def portal(loaded: None, ckan_config: Any, clean_db: None) -> Iterator[None]:
    """An empty portal."""
    clear_all()
    yield


@pytest.fixture
def app(made_app: Any, portal: None) -> CKANTestApp:
    """The application, with its templates compiled by a first request."""
    app = CKANTestApp(made_app)
    app.get("/dataset/")
    return app


def site_user() -> str:
    """Return the name of the site user."""
    return tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]


def create(**data: Any) -> dict[str, Any]:
    """Create a dataset as the site user."""
    context: Any = {"ignore_auth": True, "user": site_user()}
    return tk.get_action("package_create")(context, {"dcat_type": KIND, **data})


def cost(app: CKANTestApp, path: str, status: int = 200, **options: Any) -> Any:
    """Request a page within the time limit, including its body,
    which may be generated while it is read; return it.
    """
    start = time.process_time()
    answer = app.get(path, **options)
    body = answer.data
    taken = time.process_time() - start
    assert answer.status_code == status, (path, answer.status_code, body[:300])
    assert taken < MOST_SECONDS, f"{path}: {taken:.1f} s of processor time"
    return answer


def test_lists_of_hostile_abstracts(app: CKANTestApp) -> None:
    service = factories.Organization(name="ddt-01", description="`" * 19_000)
    for number in range(20):
        unit = ("`", "[", "![", "`a ")[number % 4]
        create(
            name=f"jeu-{number}",
            title="<" * 400,
            notes=(unit * 2_000)[: 2_000 - number],
            owner_org=service["id"],
        )
    for path in (
        "/dataset/",
        "/organization/ddt-01",
        "/organization/",
        "/dataset/jeu-1",
        "/feeds/dataset.atom",
        "/",
    ):
        cost(app, path)


def test_catalogue_as_rdf(app: CKANTestApp) -> None:
    service = factories.Organization(name="ddt-01")
    box = json.dumps({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]})
    for number in range(30):
        files = [
            {"url": f"https://a.example/{number}/{each}.zip", "format": "ZIP"} for each in range(5)
        ]
        create(
            name=f"jeu-{number}", title="Zones humides", notes="é" * 2_000, owner_org=service["id"], resources=files,
            tags=[{"name": f"mot {each}"} for each in range(20)], spatial_coverage=[{"geom": box}],
        )  # fmt: skip
    for page in (1, 2):
        cost(app, f"/catalog.ttl?page={page}")
    assert app.get("/catalog.ttl?page=1").data.count(b"a dcat:Dataset") <= 15


def test_catalogue_as_csv(
    app: CKANTestApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(public_files, "MOST_LIVE", 2)
    monkeypatch.setitem(tk.config, "ckan.storage_path", str(tmp_path))
    tk.get_action("job_clear")({"ignore_auth": True}, {})
    service = factories.Organization(name="ddt-01")
    for number in range(4):
        create(name=f"jeu-{number}", title=f"Jeu {number}", notes="Texte", owner_org=service["id"])
    create(name="prive", title="Jeu privé", notes="Texte", owner_org=service["id"], private=True)
    for _time in range(2):
        answer = cost(app, "/catalogue.csv", status=503)
        assert int(answer.headers["Retry-After"]) > 0
    cost(app, "/catalogue.csv?organization=ddt-01", status=400)
    jobs = [
        job
        for job in tk.get_action("job_list")({"ignore_auth": True}, {})
        if job["title"] == "Catalogue as CSV"
    ]
    assert len(jobs) == 1
    job_from_id(jobs[0]["id"]).perform()
    answer = cost(app, "/catalogue.csv")
    text = answer.data.decode("utf-8-sig")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert [f"Jeu {number}" in text for number in range(4)] == [True] * 4
    assert "privé" not in text
    tk.get_action("package_patch")(
        {"ignore_auth": True, "user": site_user()}, {"id": "jeu-1", "private": True}
    )
    cost(app, "/catalogue.csv", status=503)


def test_catalogue_of_a_portal_that_stores_no_files(
    app: CKANTestApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(public_files, "MOST_LIVE", 1)
    monkeypatch.setitem(tk.config, "ckan.storage_path", "")
    # A file placed in the shared temporary folder by another user of the machine is never served.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "ecosphere").mkdir()
    (tmp_path / "ecosphere" / f"catalogue-{tk.config['ckan.site_id']}.csv").write_text(
        "forged", "utf-8"
    )
    service = factories.Organization(name="ddt-01")
    for number in range(2):
        create(name=f"jeu-{number}", title=f"Jeu {number}", notes="Texte", owner_org=service["id"])
    tk.get_action("job_clear")({"ignore_auth": True}, {})
    assert "ne conserve aucun fichier" in app.get("/fr/catalogue.csv", status=503).text
    assert tk.get_action("job_list")({"ignore_auth": True}, {}) == []
    tk.get_action("dataset_purge")({"ignore_auth": True, "user": site_user()}, {"id": "jeu-1"})
    assert "Jeu 0" in app.get("/catalogue.csv").text


def test_quality_page_of_many_links(app: CKANTestApp) -> None:
    service = factories.Organization(name="ddt-01")
    dataset = create(name="lourd", title="Zones humides", notes="Texte", owner_org=service["id"])
    common = {"package_id": dataset["id"], "format": "ZIP", "state": "active", "extras": {}}
    rows = [
        {
            **common,
            "id": str(uuid.uuid4()),
            "url": f"https://a.example/{number}.zip",
            "position": number,
        }
        for number in range(MANY_LINKS)
    ]
    model.Session.execute(sa.insert(model.resource_table), rows)
    model.Session.commit()
    rebuild("lourd")
    cost(app, "/dataset/lourd/qualite")
    cost(app, "/dataset/lourd/qualite?page=80")
    harvested(dataset["id"], "<a/>")
    cost(app, "/dataset/lourd/qualite")


def harvested(package_id: str, content: str) -> str:
    """Mark a dataset as harvested; return the id of the harvest object."""
    source = HarvestSource(
        id=str(uuid.uuid4()), url="https://a.example/csw", type="ecosphere_csw", title="Source"
    )
    source.save()
    job = HarvestJob(source=source, status="Finished")
    job.save()
    made = HarvestObject(
        guid="x", content=content, job=job, source=source, package_id=package_id, current=True
    )
    made.state = "COMPLETE"
    made.save()
    model.Session.commit()
    return str(made.id)


def test_harvest_object_of_ten_megabytes(app: CKANTestApp) -> None:
    service = factories.Organization(name="ddt-01")
    dataset = create(name="jeu", title="Zones humides", notes="Texte", owner_org=service["id"])
    root = "<gmd:MD_Metadata xmlns:gmd='http://www.isotc211.org/2005/gmd'>"
    content = root + "<gmd:a>é</gmd:a>" * (TEN_MEGABYTES // 17) + "</gmd:MD_Metadata>"
    kept = harvested(dataset["id"], content)
    admin = {"Authorization": factories.SysadminWithToken()["token"]}
    for path in (
        f"/harvest/object/{kept}",
        f"/ecosphere/harvest/record/{kept}/raw",
        "/dataset/harvest_object/jeu",
    ):
        answer = cost(app, path, headers=admin)
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert len(answer.data) > 9 * 2**20
    for path in ("/dataset/jeu", "/dataset/jeu/qualite", f"/ecosphere/harvest/record/{kept}"):
        cost(app, path, headers=admin)
    cost(app, "/dataset/jeu/qualite")
