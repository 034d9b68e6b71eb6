"""Link checks: polite requests, verdicts after two failures, and their effect on scores,
index and pages.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.dataset.services import capabilities
from ckanext.ecosphere.quality import jobs, links
from ckanext.ecosphere.quality.links import REASONS, Standing, Verdict, after, probe, root_name
from ckanext.ecosphere.quality.model import Link, LinkUse
from ckanext.ecosphere.quality.tests.cases import resource
from ckanext.ecosphere.quality.tests.conftest import act, count, saved, stored
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import Exchange, ScriptedServer, serve

LOCAL = networks(["127.0.0.1/32"])
CAPABILITIES = (
    '<?xml version="1.0"?><WMS_Capabilities version="1.3.0"><Service/></WMS_Capabilities>'
)
EXCEPTION = (
    "<ServiceExceptionReport><ServiceException>no</ServiceException></ServiceExceptionReport>"
)
FEED = '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"/>'

Script = Callable[[Exchange], None]


def session(**settings: Any) -> GuardedSession:
    return GuardedSession(
        GuardSettings(allowed_networks=LOCAL, attempts=1, **settings), sleep=lambda seconds: None
    )


def only_get(body: str = "x", status: int = 200) -> Script:
    """Return the behaviour of a server that does not support HEAD."""
    return lambda x: x.answer(status=405) if x.command == "HEAD" else x.answer(body, status)


def hang_up(exchange: Any) -> None:
    """Close the connection without an answer, so that the client notices immediately."""
    exchange.connection.shutdown(socket.SHUT_RDWR)
    exchange.close_connection = True


@pytest.mark.parametrize(
    ("kind", "script", "verdict"),
    [
        ("file", lambda x: x.answer("x"), Verdict(True, 200)),
        ("file", only_get(), Verdict(True, 200)),
        ("file", only_get(status=206), Verdict(True, 206)),
        ("file", only_get(status=416), Verdict(True, 416)),
        ("file", lambda x: x.answer(status=404), Verdict(False, 404, "status")),
        ("file", lambda x: x.answer(status=500), Verdict(False, 500, "status")),
        ("file", lambda x: x.answer(status=403), Verdict(None, 403, "no-verdict")),
        ("file", lambda x: x.answer(status=429), Verdict(None, 429, "no-verdict")),
        ("file", lambda x: x.answer(status=503), Verdict(None, 503, "no-verdict")),
        ("file", hang_up, Verdict(False, None, "connection")),
        ("wms", lambda x: x.answer(CAPABILITIES), Verdict(True, 200)),
        ("wms", lambda x: x.answer(EXCEPTION), Verdict(False, 200, "exception")),
        ("wms", lambda x: x.answer("<html></html>"), Verdict(False, 200, "not-capabilities")),
        ("wfs", lambda x: x.answer("<wfs:WFS_Capabilities xmlns:wfs='x'/>"), Verdict(True, 200)),
        ("wmts", lambda x: x.answer("<Capabilities/>"), Verdict(True, 200)),
        ("wfs", lambda x: x.answer(status=404), Verdict(False, 404, "status")),
        ("atom", lambda x: x.answer(FEED), Verdict(True, 200)),
        ("atom", lambda x: x.answer("<html></html>"), Verdict(False, 200, "not-feed")),
    ],
)  # fmt: skip
def test_an_answer_is_judged(kind: str, script: Script, verdict: Verdict):
    with serve(script) as server:
        assert probe(session(), f"{server.url}/data", kind) == verdict
    assert verdict.reason in REASONS


@pytest.mark.parametrize(
    ("headers", "answered"),
    [
        ({"Content_Type": "text/csv; charset=utf-8"}, "text/csv"),
        (
            {
                "Content_Type": "application/octet-stream",
                "Content_Disposition": 'attachment; filename="a.b.GPKG"',
            },
            "gpkg",
        ),
        (
            {
                "Content_Type": "text/html",
                "Content_Disposition": "attachment; filename*=UTF-8''zones%20humides.zip",
            },
            "zip",
        ),
        (
            {"Content_Type": "text/html", "Content_Disposition": "attachment; filename=sans-fin"},
            "text/html",
        ),
        ({"Content_Type": "application/octet-stream"}, ""),
        ({"Content_Type": "<script>/x"}, ""),
    ],
)
@pytest.mark.parametrize("knows_head", [True, False])
def test_an_answer_tells_what_a_file_is(headers: dict[str, str], answered: str, knows_head: bool):
    def script(exchange: Exchange) -> None:
        if exchange.command == "HEAD" and not knows_head:
            exchange.answer(status=405)
        else:
            exchange.answer("x", **headers)

    with serve(script) as server:
        assert probe(session(), f"{server.url}/data?id=3", "file").answered == answered


def test_a_file_is_not_downloaded():
    with serve(only_get("x" * 1_000_000)) as server:
        assert probe(session(), f"{server.url}/big.zip", "file").ok
        assert [seen[0] for seen in server.seen] == ["HEAD", "GET"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://0x7f000001/",
    ],
)
def test_private_addresses_are_refused(url: str):
    guarded = GuardedSession(GuardSettings(attempts=1, total_seconds=5))
    assert probe(guarded, url, "file") == Verdict(False, None, "refused")


def test_a_service_is_asked_for_its_capabilities_and_keeps_its_map():
    asked = capabilities(
        "https://x.org/cgi?MAP=/a.map&service=WMS&request=GetMap&LAYERS=z&token=1", "OGC:WMS"
    )
    assert asked == "https://x.org/cgi?MAP=/a.map&token=1&SERVICE=WMS&REQUEST=GetCapabilities"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"<?xml version='1.0'?><!-- <x> --><!DOCTYPE a><wfs:WFS_Capabilities>", "x"),
        (b"\xef\xbb\xbf<a:Feed >", "feed"),
        (b"", ""),
        (b"no element", ""),
    ],
)
def test_the_root_is_found_without_parsing(body: bytes, name: str):
    assert root_name(body) == name


NOW = datetime(2025, 6, 1, tzinfo=timezone.utc)
WEEK = timedelta(days=7)


def judged(*answers: tuple[bool | None, timedelta]) -> Standing:
    """Return the standing of a link after checks, each at a given delay from the first."""
    found = Standing("unchecked", 0, None, NOW)
    for ok, later in answers:
        found = after(found, Verdict(ok), NOW + later, WEEK, 1.0)
    return found


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_failure_needs_two_misses_at_different_times():
    assert judged((False, 0 * HOUR)).state == "unchecked"
    assert judged((True, 0 * HOUR), (False, WEEK)).state == "ok"
    assert judged((False, 0 * HOUR), (False, HOUR)).state == "unchecked"
    assert judged((False, 0 * HOUR), (False, HOUR)).next_check_at == NOW + 6 * HOUR
    assert judged((False, 0 * HOUR), (False, DAY)).state == "broken"


def test_no_verdict_changes_nothing():
    assert judged((None, 0 * HOUR)) == Standing("unchecked", 0, None, NOW + DAY)
    assert judged((False, 0 * HOUR), (None, DAY), (False, 2 * DAY)).state == "broken"


def test_an_address_that_answers_again_is_whole_at_once():
    assert judged((False, 0 * HOUR), (False, DAY), (True, 2 * DAY)) == Standing(
        "ok", 0, None, NOW + 2 * DAY + WEEK
    )


def test_broken_addresses_are_asked_less_and_less():
    pauses = []
    answers = [(False, n * DAY) for n in range(12)]
    for length in range(2, 12):
        pauses.append((judged(*answers[:length]).next_check_at - NOW - answers[length - 1][1]).days)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]


def context_of(person: str | None) -> Any:
    user = model.User.get(person) if person else None
    return {"user": person or "", "auth_user_obj": user, "ignore_auth": False}


@pytest.fixture
def server(
    portal: None, service: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ScriptedServer]:
    """A server that answers every URL with 200, except those with `gone` in their path,
    with 404.
    """
    monkeypatch.setitem(ckan_config, "ecosphere.quality.allowed_networks", ["127.0.0.1/32"])
    monkeypatch.setitem(ckan_config, "ecosphere.quality.link_pause", 0.0)
    with serve(lambda x: x.answer("x", 404 if "gone" in x.path else 200)) as running:
        yield running


def is_due_again() -> None:
    """Shift the checks of all links into the past, as if a day had gone by."""
    yesterday = datetime.now(timezone.utc) - DAY
    model.Session.execute(sa.update(Link).values(next_check_at=yesterday))
    model.Session.execute(
        sa.update(Link).where(Link.first_miss_at.is_not(None)).values(first_miss_at=yesterday)
    )
    model.Session.commit()


def test_states_reach_scores_index_and_pages(
    server: ScriptedServer, app: Any, solr_adds: list[Any]
):
    good = act(
        "package_create", **saved(name="good", resources=[resource(url=f"{server.url}/a.gpkg")])
    )
    bad = act(
        "package_create", **saved(name="bad", resources=[resource(url=f"{server.url}/gone.gpkg")])
    )
    solr_adds.clear()
    jobs.check_links()
    assert stored(good["id"]).results["links_work"] == "pass"
    assert stored(bad["id"]).results["links_work"] == "unknown"
    page = app.get("/fr/dataset/bad/qualite").body
    assert (
        "À confirmer" in page
        and "ecosphere-state--fail" not in page.split("/gone.gpkg")[1].split("</tr>")[0]
    )
    is_due_again()
    jobs.check_links()
    assert stored(bad["id"]).results["links_work"] == "fail"
    assert stored(bad["id"]).score < stored(good["id"]).score
    assert solr_adds[-1]["id"] == bad["id"]
    found = act(
        "package_search",
        fq=f"+id:{bad['id']} +ecosphere_quality_score:{stored(bad['id']).score:03d}",
    )
    assert found["count"] == 1
    page = app.get("/fr/dataset/bad/qualite").body
    assert f"{server.url}/gone.gpkg" in page and "(HTTP 404)" in page and "À confirmer" not in page


def test_a_later_save_keeps_what_is_known(server: ScriptedServer):
    made = act(
        "package_create", **saved(name="good", resources=[resource(url=f"{server.url}/a.gpkg")])
    )
    jobs.check_links()
    act("package_patch", id=made["id"], title="Autre titre")
    assert stored(made["id"]).results["links_work"] == "pass"
    act("resource_patch", id=made["resources"][0]["id"], url=f"{server.url}/b.gpkg")
    assert stored(made["id"]).results["links_work"] == "unknown"


def test_an_address_used_twice_is_asked_once(server: ScriptedServer):
    for name in ("one", "two"):
        act("package_create", **saved(name=name, resources=[resource(url=f"{server.url}/a.gpkg")]))
    jobs.check_links()
    assert len(server.seen) == 1
    assert (count(Link), count(LinkUse)) == (1, 2)
    jobs.check_links()
    assert len(server.seen) == 1


def test_a_silent_host_is_left_alone_after_three_failures(
    portal: None, service: Any, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ecosphere.quality.allowed_networks", ["127.0.0.1/32"])
    monkeypatch.setitem(ckan_config, "ecosphere.quality.link_pause", 0.0)
    with serve(hang_up) as silent:
        many = [resource(url=f"{silent.url}/{n}.gpkg") for n in range(8)]
        act("package_create", **saved(name="silent", resources=many))
        jobs.check_links()
        assert len({path for _method, path, _body in silent.seen}) == 3
    assert all(
        link.next_check_at > datetime.now(timezone.utc)
        for link in model.Session.scalars(sa.select(Link))
    )


def test_pauses_are_kept_between_requests_to_one_host(
    server: ScriptedServer, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ecosphere.quality.link_pause", 2.5)
    pauses: list[float] = []
    act(
        "package_create",
        **saved(name="zones", resources=[resource(url=f"{server.url}/{n}.gpkg") for n in range(3)]),
    )
    links.note_all()
    assert links.run(links.due(10), 60, session(), pauses.append).checked == 3
    assert pauses == [2.5, 2.5]
    is_due_again()
    assert links.run(links.due(10), -1, session(), pauses.append).checked == 0


@pytest.mark.parametrize("gone", ["dataset_purge", "package_delete"])
def test_links_that_nobody_uses_are_forgotten(gone: str, server: ScriptedServer):
    made = act(
        "package_create", **saved(name="zones", resources=[resource(url=f"{server.url}/a.gpkg")])
    )
    jobs.check_links()
    act(gone, id=made["id"])
    links.note_all()
    assert (count(Link), count(LinkUse)) == (0, 0)


def test_intranet_links_documents_and_uploads_are_not_asked():
    data = {
        "resources": [
            resource(url="https://carto.rie.gouv.fr/a.gpkg"),
            resource(url="https://x.org/notice.pdf", resource_role="documentation"),
            resource(url="https://x.org/upload.csv", url_type="upload"),
            resource(url="https://x.org/wms?", format="WMS"),
            resource(
                url="https://x.org/atom", format="Atom Feed", download_url="https://x.org/a.zip"
            ),
        ]
    }
    assert links.links_of(data) == {
        "https://x.org/wms?": "wms",
        "https://x.org/atom": "atom",
        "https://x.org/a.zip": "atom",
    }


def test_only_editors_have_links_checked_again_and_not_too_often(
    server: ScriptedServer, app: Any, people: Any
):
    made = act(
        "package_create", **saved(name="zones", resources=[resource(url=f"{server.url}/a.gpkg")])
    )
    for person in (None, "stranger", "other-editor", "member"):
        with pytest.raises(tk.NotAuthorized):
            tk.get_action("ecosphere_quality_recheck")(context_of(person), {"id": "zones"})
        assert tk.get_action("ecosphere_quality_links")(context_of(person), {"id": "zones"}) == []
    connect_to_redis().delete(f"ecosphere:quality:recheck:{made['id']}")
    path, token = "/fr/dataset/zones/qualite/liens", {"Authorization": people["editor"]["token"]}
    app.post(path, headers={"Authorization": people["other-editor"]["token"]}, status=404)
    assert app.post(path, headers=token).status_code == 200
    assert act("ecosphere_quality_recheck", id="zones") == {"queued": False}
    jobs.check_links_of(made["id"])
    [link] = act("ecosphere_quality_links", id="zones")
    assert (link["state"], link["kind"]) == ("ok", "file")


def test_the_command_checks_one_dataset_now(server: ScriptedServer, cli: Any):
    from ckanext.ecosphere.cli import ecosphere

    for name in ("zones", "others"):
        act(
            "package_create",
            **saved(name=name, resources=[resource(url=f"{server.url}/{name}.gpkg")]),
        )
    assert cli.invoke(ecosphere, ["quality", "links", "--dataset", "zones"]).exit_code == 0
    assert [link["state"] for link in act("ecosphere_quality_links", id="zones")] == ["ok"]
    assert act("ecosphere_quality_links", id="others") == []
    assert cli.invoke(ecosphere, ["quality", "links", "--dataset", "nothing"]).exit_code != 0


def test_links_of_a_private_dataset_are_for_those_who_see_it(server: ScriptedServer):
    act(
        "package_create",
        **saved(name="secret", private=True, resources=[resource(url=f"{server.url}/a.gpkg")]),
    )
    for person in (None, "stranger", "other-editor"):
        with pytest.raises(tk.ObjectNotFound):
            tk.get_action("ecosphere_quality_links")(context_of(person), {"id": "secret"})
