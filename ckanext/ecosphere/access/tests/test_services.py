"""Services: capabilities are read in the background, shown in plain language,
and cannot do harm.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.config import guard_settings
from ckanext.ecosphere.access.model import Service, ServiceUse
from ckanext.ecosphere.access.services import storage
from ckanext.ecosphere.access.tests.conftest import call
from ckanext.ecosphere.dataset.services import ServiceAddress, service_at
from ckanext.ecosphere.shared.http_guard import GuardedSession

BOMB = (
    b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">%s]><WMS_Capabilities>&lol9;</WMS_Capabilities>"""
    % b"".join(
        b'<!ENTITY lol%d "%s">'
        % (level, b"&lol%s;" % (b"%d" % (level - 1) if level > 1 else b"") * 10)
        for level in range(1, 10)
    )
)


@pytest.fixture(scope="module")
def read(portal):
    """The services of the portal, read as the background job reads them."""
    jobs.read_services()
    return portal


def ask(url: str, kind: str = "wms", seconds: float = 3) -> storage.Outcome:
    return storage.ask(
        GuardedSession(guard_settings(seconds, megabytes=2)), ServiceAddress(kind, url)
    )


def test_a_save_asks_nobody_and_notes_one_service_for_many_resources(portal, hostile, heard):
    url = hostile("/geoserver/wms", b"<x/>")
    for number in range(3):
        resources = [{"url": f"{url}?layers=couche{number}", "format": "WMS"}]
        factories.Dataset(owner_org=portal["service"], resources=resources)
    assert heard == []
    service = model.Session.scalars(sa.select(Service).where(Service.url == url)).one()
    assert service.state == "unread"
    assert model.Session.query(ServiceUse).filter_by(key=service.key).count() == 3
    jobs.read_services()
    assert (
        len([path for path in heard if path.startswith("/geoserver/")]) == 1
    )  # other tests' services are read, too


def test_the_services_of_a_transaction_are_noted_at_once_and_not_without_it(
    portal, hostile, monkeypatch
):
    noted: list[int] = []
    note = storage.note
    monkeypatch.setattr(
        storage, "note", lambda ids, **options: noted.append(len(ids)) or note(ids, **options)
    )
    context = {"ignore_auth": True, "defer_commit": True, "user": factories.User()["name"]}

    def save(name: str) -> str:
        resources = [{"url": hostile(f"/{name}/wms", b"<x/>"), "format": "WMS"}]
        data = {"name": name, "title": name, "owner_org": portal["service"], "resources": resources}
        return tk.get_action("package_create")(dict(context), data)["id"]

    ids = [save(f"du-lot-{number}") for number in range(3)]
    model.repo.commit()
    assert noted == [3]
    assert model.Session.query(ServiceUse).filter(ServiceUse.package_id.in_(ids)).count() == 3
    lost = save("abandonne")
    model.Session.rollback()
    model.repo.commit()
    assert noted == [3] and model.Session.query(ServiceUse).filter_by(package_id=lost).count() == 0


def test_the_layers_of_a_resource_are_named(read):
    for name, kind, layer in (
        ("Carte", "wms", "zones_humides"),
        ("Données", "wfs", "eco:zones_humides"),
        ("API", "ogcapi", "zones_humides"),
    ):
        status, found = call(
            read, "ecosphere_access_service_show", resource_id=read["resources"][name]
        )
        assert status == 200, found
        assert (found["kind"], found["state"], found["trouble"]) == (kind, "ok", "")
        assert [each["name"] for each in found["layers"]] == [layer]
        assert found["layers"][0]["extent"] == [-2.0, 46.9, -1.1, 47.5]
        assert "EPSG:2154" in found["layers"][0]["crs"]
    assert found["parts"] == ["features"]


def test_a_change_of_a_dataset_changes_its_services(read, hostile):
    first, second = (hostile(f"/{name}/wms", b"<x/>") for name in ("avant", "apres"))
    made = factories.Dataset(owner_org=read["service"], resources=[{"url": first, "format": "WMS"}])
    headers = read["editor"]
    changed = [
        {"url": second, "format": "WMS"},
        {"url": "https://example.org/a.csv", "format": "CSV"},
    ]
    assert call(read, "package_patch", headers, id=made["id"], resources=changed)[0] == 200
    uses = model.Session.query(ServiceUse).filter_by(package_id=made["id"]).all()
    assert [model.Session.get_one(Service, use.key).url for use in uses] == [second]
    assert call(read, "package_patch", headers, id=made["id"], resources=changed[1:])[0] == 200
    assert model.Session.query(ServiceUse).filter_by(package_id=made["id"]).count() == 0
    storage.note_all()
    assert model.Session.query(Service).filter(Service.url.in_([first, second])).count() == 0


def test_what_only_the_government_reaches_is_not_asked(read):
    resources = [{"url": read["ogc"] + "/wms?intranet=1", "format": "WMS", "network": "intranet"}]
    made = factories.Dataset(owner_org=read["service"], resources=resources)
    assert model.Session.query(ServiceUse).filter_by(package_id=made["id"]).count() == 0


def test_a_layer_that_the_service_does_not_have_is_told(read):
    _status, found = call(
        read, "ecosphere_access_service_show", resource_id=read["resources"]["Couche retirée"]
    )
    assert found["dead_layer"] is True
    assert found["layers"] == []


def test_the_service_of_a_private_dataset_is_nobody_elses(read):
    url = read["ogc"] + "/wms?layers=emprises"
    private = factories.Dataset(
        owner_org=read["service"], private=True, resources=[{"url": url, "format": "WMS"}]
    )
    resource = private["resources"][0]["id"]
    assert call(read, "ecosphere_access_service_show", resource_id=resource)[0] == 404
    assert (
        call(read, "ecosphere_access_service_show", read["reader"], resource_id=resource)[0] == 404
    )
    assert (
        call(read, "ecosphere_access_service_show", read["editor"], resource_id=resource)[0] == 200
    )


def test_the_form_has_an_address_read(read, hostile):
    url = hostile("/ows", b"<html>nein</html>", "text/html") + "?service=WFS"
    assert call(read, "ecosphere_access_service_read", url=url)[0] == 403
    assert call(read, "ecosphere_access_service_read", read["reader"], url=url)[0] == 403
    status, found = call(read, "ecosphere_access_service_read", read["editor"], url=url)
    assert (status, found["state"]) == (200, "unread")
    jobs.read_services()
    _status, found = call(read, "ecosphere_access_service_read", read["editor"], url=url)
    assert (found["state"], found["layer_count"]) == ("failed", 0)
    assert "web page" in found["trouble"]
    assert (
        call(
            read, "ecosphere_access_service_read", read["editor"], url="https://example.org/a.csv"
        )[0]
        == 409
    )


def test_a_service_that_falls_silent_keeps_its_layers_and_says_since_when(read):
    address = service_at(read["ogc"] + "/wms", "WMS")
    assert address is not None
    for _each in range(2):
        storage.write([(address, storage.Outcome(error="timeout"))])
    service = model.Session.get_one(Service, address.key)
    first = service.failing_since
    service.failing_since = datetime(2026, 3, 2, 23, 30, tzinfo=timezone.utc)  # 3 March in Paris
    model.Session.commit()
    assert first is not None
    answer = read["client"].get(
        f"/fr/api/3/action/ecosphere_access_service_show?resource_id={read['resources']['Carte']}"
    )
    found = answer.json["result"]
    assert "3 mars 2026" in found["trouble"]
    assert [each["name"] for each in found["layers"]] == ["zones_humides"]
    outcome = storage.ask(GuardedSession(guard_settings()), address)
    storage.write([(address, outcome)])
    assert model.Session.get_one(Service, address.key).failing_since is None


@pytest.mark.parametrize(
    ("kind", "body", "media", "error"),
    [
        ("wms", b"<!DOCTYPE html><html><body>Bonjour</body></html>", "text/html", "html"),
        ("wms", b"<html>Bonjour</html>", "text/xml", "html"),
        ("wms", BOMB, "text/xml", "entities"),
        ("wms", BOMB.decode().encode("utf-16"), "text/xml", "entities"),
        ("wms", b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x>&e;</x>', "text/xml", "not-xml"),
        ("wms", b"<WMS_Capabilities>" * 3000, "text/xml", "not-xml"),
        ("wms", b"<a/>" * 500_000, "text/xml", "too-large"),
        ("wms", b"<ServiceExceptionReport/>", "text/xml", "exception"),
        ("wfs", b"<WMS_Capabilities/>", "text/xml", "other-xml"),
        ("wms", b"", "text/xml", "not-xml"),
        ("wms", b"\x00" * 5000, "text/xml", "not-xml"),
        ("ogcapi", b"[" * 100_000, "application/json", "not-json"),
        ("ogcapi", b"<html></html>", "text/html", "html"),
        ("ogcapi", b"{}", "application/json", "other-json"),
        ("arcgis", b'{"error": {"code": 499}}', "application/json", "exception"),
        ("atom", b"<rss/>", "text/xml", "other-xml"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_hostile_answers_are_told(*, loaded, hostile, kind, body, media, error):
    path = "/x/" if kind == "ogcapi" else "/x"
    assert ask(hostile(path, body, media).rstrip("/"), kind).error == error


@pytest.mark.slow("hostile")
def test_a_redirect_into_the_machine_and_a_slow_server_are_refused(
    loaded, hostile, heard, monkeypatch
):
    inside = hostile("/secret", b"<WMS_Capabilities/>")
    monkeypatch.setitem(
        tk.config, "ecosphere.access.allowed_ports", [inside.split(":")[2].split("/")[0]]
    )
    outside = hostile(
        "/redirect", b"", status=302, Location="http://169.254.169.254/latest/meta-data"
    )
    assert ask(outside).error == "refused"
    assert ask(hostile("/loop", b"", status=302, Location="/loop")).error == "refused"

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        for _each in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)

    begin = time.monotonic()
    assert ask(hostile("/slow", drip), seconds=1).error == "timeout"
    assert time.monotonic() - begin < 4


def test_a_huge_description_is_cut_to_what_a_page_holds(loaded, hostile):
    layers = b"".join(
        b"<Layer><Name>c%d</Name><Title>%s</Title></Layer>" % (n, b"T" * 300) for n in range(2500)
    )
    body = (
        b"<WMS_Capabilities version='1.3.0'><Capability><Layer>"
        + layers
        + b"</Layer></Capability></WMS_Capabilities>"
    )
    outcome = ask(hostile("/many", body))
    assert outcome.description is not None
    assert (len(outcome.description.layers), outcome.description.layers_left_out) == (2000, 500)
