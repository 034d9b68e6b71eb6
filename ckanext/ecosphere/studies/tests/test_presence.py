"""Counts of objects on a site: what a service must answer to be believed,
and what proves that nothing is there.
"""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import shapely
from shapely.geometry import box, mapping

from ckanext.ecosphere.studies import config, presence, states, wording
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.tests.scripted_server import Exchange, serve
from dev.ogc.server import served
from dev.stack.settings import DEV

pytestmark = pytest.mark.usefixtures("loaded")

Script = Callable[[Exchange], None]
SITE = Site("Nantes", "drawn", (), box(-1.60, 47.20, -1.50, 47.25))
#: A triangle, of which half of the rectangle is left.
TRIANGLE = Site(
    "Triangle", "drawn", (), shapely.Polygon([(-1.6, 47.2), (-1.5, 47.2), (-1.6, 47.25)])
)
HERE = box(-1.59, 47.205, -1.58, 47.21)
BESIDE = box(-1.51, 47.24, -1.505, 47.245)
NEAR = box(-1.45, 47.20, -1.44, 47.21)
REGIONAL = box(0.5, 48.0, 0.6, 48.1)
WHOLE = Finding(
    states.COVERS, "territory", {"place": "departement-44"}, extent="territory", share=1.0
)
UNSURE = Finding(states.COVERS_PART, "box", extent="box", share=1.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "seconds", lambda: 2)


def wfs(url: str, version: str = "") -> dict[str, Any]:
    """Return a dataset with a WFS."""
    address = f"{url}/wfs?service=WFS&request=GetCapabilities&typenames=eco:zones"
    resource: dict[str, Any] = {"url": address, "format": "WFS", "protocol": "OGC:WFS"}
    if version:
        layer = {"name": "eco:zones", "formats": ["application/json"]}
        resource["ecosphere_service"] = {"version": version, "formats": [], "layers": [layer]}
    return {"resources": [resource]}


def api(url: str) -> dict[str, Any]:
    """Return a dataset with an OGC API."""
    address = f"{url}/ogc/collections/zones"
    return {"resources": [{"url": address, "format": "API", "protocol": "OGC:API-FEATURES"}]}


def query_of(exchange: Exchange) -> dict[str, str]:
    return {name.lower(): value for name, value in parse_qsl(urlsplit(exchange.path).query)}


def area_of(query: dict[str, str], *, swapped: bool = False) -> Any:
    """Return the rectangle of a question, None for everything."""
    text = query.get("bbox", "")
    if not text:
        return None
    first, second, third, fourth = map(float, text.split(",")[:4])
    is_north_first = "urn:" in text
    if is_north_first != swapped:
        return box(second, first, fourth, third)
    return box(first, second, third, fourth)


def chosen(objects: list[Any], area: Any) -> list[Any]:
    if area is None:
        return objects
    return [each for each in objects if each.intersects(area)]


def collection(objects: list[Any], **more: Any) -> str:
    features = [
        {"type": "Feature", "properties": {}, "geometry": mapping(each)} for each in objects
    ]
    return json.dumps({"type": "FeatureCollection", "features": features, **more})


def hits(number: Any, name: str = "numberMatched") -> str:
    namespace = "http://www.opengis.net/wfs/2.0"
    return f'<wfs:FeatureCollection xmlns:wfs="{namespace}" {name}="{number}"/>'


def service(*objects: Any, swapped: bool = False, page: int = 500) -> Script:
    """Return a WFS or OGC API with objects, of which it gives some at once."""

    def script(exchange: Exchange) -> None:
        query = query_of(exchange)
        matching = chosen(list(objects), area_of(query, swapped=swapped))
        if query.get("resulttype") == "hits":
            name = "numberMatched"
            if query["version"] == "1.1.0":
                name = "numberOfFeatures"
            exchange.answer(hits(len(matching), name), Content_Type="text/xml")
            return
        limit = int(query.get("limit", page))
        shown = matching[: min(page, limit)]
        document = collection(shown, numberMatched=len(matching))
        exchange.answer(document, Content_Type="application/geo+json")

    return script


def count(
    script: Script, make: Callable[[str], dict[str, Any]] = wfs, site: Site = SITE, **more: Any
) -> Finding:
    with serve(script) as server:
        return presence.count(make(server.url), site, more.get("finding", WHOLE))


def unanswered(finding: Finding, code: str = "") -> None:
    """Check that nothing is concluded from a failure,
    which is told with its moment and attempts.
    """
    assert finding.state == states.NO_ANSWER
    assert finding.count is None
    assert finding.nearest is None
    assert finding.attempts == 1
    assert datetime.fromisoformat(finding.at).tzinfo is not None
    assert finding.code in wording.SENTENCES
    if code:
        assert finding.code == code


KINDS = pytest.mark.parametrize(
    "make", [wfs, lambda url: wfs(url, "1.1.0"), lambda url: wfs(url, "2.0.0"), api]
)


# --- objects ---------------------------------------------------------------------------------


@KINDS
def test_objects_on_the_site_are_counted(make: Any):
    finding = count(service(HERE, BESIDE, NEAR, REGIONAL), make)
    assert (finding.state, finding.code, finding.count) == (states.COVERS, "counted", 2)
    assert finding.attempts == 1
    assert finding.extent == "territory"


@KINDS
def test_objects_are_compared_with_the_outline(make: Any):
    finding = count(service(HERE, BESIDE, REGIONAL), make, TRIANGLE)
    assert (finding.state, finding.count) == (states.COVERS, 1)


def test_the_version_of_a_service_is_spoken():
    with serve(service(HERE)) as server:
        presence.count(wfs(server.url, "1.1.0"), SITE, WHOLE)
        assert all("VERSION=1.1.0" in path for _verb, path, _body in server.seen)
        assert all("TYPENAME=eco" in path for _verb, path, _body in server.seen)
        assert len(server.seen) <= presence.MOST_REQUESTS


def test_objects_of_a_part():
    finding = count(
        service(HERE),
        finding=Finding(states.COVERS_PART, "territory-part", extent="territory", share=0.4),
    )
    assert (finding.state, finding.code, finding.count) == (states.COVERS_PART, "counted-part", 1)


def test_a_page_of_the_objects_is_a_least_number():
    many = [box(-1.6, 47.2, -1.59 + number / 1e4, 47.21) for number in range(30)]
    finding = count(service(*many, page=20), site=TRIANGLE)
    assert (finding.state, finding.code, finding.count) == (states.COVERS, "at-least", 20)


def test_a_page_of_objects_beside_the_outline_proves_nothing():
    many = [box(-1.51, 47.24, -1.505 + number / 1e4, 47.245) for number in range(30)]
    unanswered(count(service(*many, page=20), site=TRIANGLE), "too-many")


def test_an_interface_without_a_number_is_counted():
    def script(exchange: Exchange) -> None:
        query = query_of(exchange)
        exchange.answer(collection(chosen([HERE, NEAR], area_of(query))[: int(query["limit"])]))

    assert count(script, api).count == 1


# --- nothing here ----------------------------------------------------------------------------


@KINDS
def test_nothing_is_here_and_the_nearest_is_told(make: Any):
    finding = count(service(NEAR, REGIONAL), make)
    assert (finding.state, finding.code, finding.count) == (states.NOTHING_HERE, "nothing", 0)
    assert finding.nearest == pytest.approx(3_790, rel=0.02)
    assert "m away" in wording.sentence(finding)


@KINDS
def test_nothing_is_near_but_the_service_works(make: Any):
    finding = count(service(REGIONAL), make)
    assert (finding.state, finding.count, finding.nearest) == (states.NOTHING_HERE, 0, None)


def test_the_nearest_of_some_is_not_told():
    finding = count(service(*[NEAR] * 30, page=20))
    assert (finding.state, finding.nearest) == (states.NOTHING_HERE, None)


@pytest.mark.parametrize("extent", ["box", "title", "unknown"])
def test_nothing_is_not_proved_by_an_unsure_extent(extent: str):
    finding = count(
        service(NEAR, REGIONAL), finding=Finding(states.COVERS, extent, extent=extent, share=1.0)
    )
    assert (finding.state, finding.code) == (states.NOT_MAPPED, "nothing-unproven")


@pytest.mark.parametrize(
    ("share", "state", "code"),
    [(1, states.NOTHING_HERE, "nothing"), (0.5, states.COVERS_PART, "nothing-on-part"),
     (0, states.NOT_MAPPED, "nothing-unproven")],
)  # fmt: skip
def test_nothing_is_proved_for_the_mapped_part(share: float, state: str, code: str):
    finding = count(
        service(REGIONAL),
        finding=Finding(states.COVERS, "geometry", extent="geometry", share=share),
    )
    assert (finding.state, finding.code, finding.count) == (state, code, 0)


# --- hostile ---------------------------------------------------------------------------------


def slow(exchange: Exchange) -> None:
    time.sleep(3)
    exchange.answer(hits(0))


def dripping(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Content-Length", "100000")
    exchange.end_headers()
    for _second in range(40):
        exchange.wfile.write(b"<")
        exchange.wfile.flush()
        time.sleep(0.1)


def truncated(exchange: Exchange) -> None:
    exchange.send_response(200)
    exchange.send_header("Content-Type", "text/xml")
    exchange.send_header("Content-Length", "5000")
    exchange.end_headers()
    exchange.wfile.write(hits(0).encode())
    exchange.wfile.flush()
    exchange.close_connection = True
    exchange.connection.shutdown(socket.SHUT_RDWR)


def says(body: str | bytes, status: int = 200, **headers: str) -> Script:
    return lambda exchange: exchange.answer(body, status, **headers)


BOMB = gzip.compress(b"<" + b" " * 40_000_000)
REPORT = '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"/>'
OLD_REPORT = '<ServiceExceptionReport xmlns="http://www.opengis.net/ogc"/>'
ENTITY = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><FeatureCollection numberMatched="0">&a;</FeatureCollection>'
FAILURES: dict[str, tuple[Script, str]] = {
    "slow": (slow, "timeout"),
    "dripping": (dripping, "timeout"),
    "truncated": (truncated, ""),
    "empty": (says(""), "empty-answer"),
    "blank": (says(" \n"), "empty-answer"),
    "204": (says("", 204), "empty-answer"),
    "page": (says("<!DOCTYPE html><html></html>", Content_Type="text/html"), "html"),
    "page in disguise": (says("\n<HTML></HTML>", Content_Type="text/xml"), "html"),
    "report": (says(REPORT, Content_Type="text/xml"), "exception"),
    "old report": (says(OLD_REPORT), "exception"),
    "400": (says(REPORT, 400), "status"),
    "403": (says("", 403), "status"),
    "500": (says(hits(0), 500), "status"),
    "cut": (says(hits(0)[:-2]), "broken-answer"),
    "other": (says("<a/>"), "broken-answer"),
    "text": (says("nothing here"), "broken-answer"),
    "entity": (says(ENTITY), "broken-answer"),
    "negative": (says(hits(-1)), "wrong-count"),
    "word": (says(hits("zero")), "wrong-count"),
    "endless": (says(hits("9" * 40)), "wrong-count"),
    "fraction": (says(hits("0.0")), "wrong-count"),
    "unknown": (says(hits("unknown")), "no-count"),
    "uncounted": (says(hits(0, "timeStamp")), "no-count"),
    "too big": (says(b"<" + b" " * 7_000_000), "too-large"),
    "bomb": (says(BOMB, Content_Encoding="gzip"), ""),
    "private": (says("", 302, Location="http://10.0.0.1/"), "refused"),
    "metadata": (says("", 302, Location="http://169.254.169.254/latest/meta-data"), "refused"),
    "file": (says("", 302, Location="file:///etc/passwd"), "refused"),
    "ignores the place": (says(hits(12)), "ignores-place"),
    "has nothing": (says(hits(0)), "empty-layer"),
    "swapped axes": (service(HERE, NEAR, REGIONAL, swapped=True), "axes-unclear"),
}


@pytest.mark.few(8, "variants")
@pytest.mark.parametrize("name", list(FAILURES))
def test_nothing_is_concluded_from_a_failure(name: str):
    script, code = FAILURES[name]
    begin = time.monotonic()
    finding = count(script)
    assert time.monotonic() - begin < 6
    unanswered(finding, code)
    sentence = wording.sentence(finding)
    assert "{" not in sentence
    assert "/etc" not in sentence


FAILURES_OF_APIS: dict[str, tuple[Script, str]] = {
    "slow": (slow, "timeout"),
    "truncated": (truncated, ""),
    "empty": (says(""), "empty-answer"),
    "204": (says("", 204), "empty-answer"),
    "page": (says("<html></html>", Content_Type="text/html"), "html"),
    "report": (says('{"code": "NotFound", "description": "x"}'), "exception"),
    "report in XML": (says(REPORT), "exception"),
    "cut": (says('{"type": "FeatureCollection", "features": ['), "broken-answer"),
    "list": (says("[]"), "broken-answer"),
    "deep": (says("[" * 200_000), "broken-answer"),
    "no features": (says('{"numberMatched": 0}'), "broken-answer"),
    "negative": (says(collection([], numberMatched=-1)), "wrong-count"),
    "word": (says(collection([], numberMatched="none")), "wrong-count"),
    "flag": (says(collection([], numberMatched=False)), "wrong-count"),
    "null": (says(collection([], numberMatched=None)), "wrong-count"),
    "infinite": (says('{"features": [], "numberMatched": 1e999}'), ""),
    "fewer than given": (says(collection([HERE, HERE], numberMatched=1)), "wrong-count"),
    "given none": (says(collection([], numberMatched=5)), "wrong-count"),
    "has more": (says(collection([HERE], links=[{"rel": "next", "href": "x"}])), "no-count"),
    "ignores the place": (says(collection([HERE], numberMatched=1)), "ignores-place"),
    "has nothing": (says(collection([], numberMatched=0)), "empty-layer"),
    "private": (says("", 302, Location="http://192.168.1.1/"), "refused"),
    "swapped axes": (service(HERE, NEAR, REGIONAL, swapped=True), "axes-unclear"),
}


@pytest.mark.few(3, "variants")
@pytest.mark.parametrize("name", list(FAILURES_OF_APIS))
def test_nothing_is_concluded_from_a_failure_of_an_api(name: str):
    script, code = FAILURES_OF_APIS[name]
    unanswered(count(script, api), code)


def test_nobody_listens():
    with serve(says("")) as server:
        url = server.url
    unanswered(presence.count(wfs(url), SITE, WHOLE), "connection")


def test_an_unknown_host():
    unanswered(presence.count(wfs("http://nowhere.invalid"), SITE, WHOLE))


def test_a_service_breaks_in_the_middle():
    """The first answer is zero; what would prove it fails."""
    answers = iter([hits(0), hits(0), ""])
    unanswered(count(lambda exchange: exchange.answer(next(answers))), "empty-answer")


def test_features_that_fail_leave_the_number():
    """The number of the rectangle is told as such."""

    def script(exchange: Exchange) -> None:
        query = query_of(exchange)
        if query.get("resulttype") == "hits":
            exchange.answer(hits(len(chosen([HERE, BESIDE], area_of(query)))))
        else:
            exchange.answer(REPORT)

    finding = count(script, site=TRIANGLE)
    assert (finding.code, finding.count) == ("counted-rectangle", 2)


def test_a_second_layer_answers_for_the_first():
    with serve(says("", 500)) as broken, serve(service(HERE)) as working:
        resources = wfs(broken.url)["resources"] + api(working.url)["resources"]
        finding = presence.count({"resources": resources}, SITE, WHOLE)
    assert (finding.state, finding.count) == (states.COVERS, 1)


def test_that_a_service_of_another_territory_is_silent_changes_nothing():
    elsewhere = Finding(
        states.NOT_MAPPED, "territory-elsewhere", extent="territory", at=presence.moment()
    )
    assert count(says("", 500), finding=elsewhere) == elsewhere
    assert presence.unanswered(elsewhere, "broken-answer") == elsewhere
    assert "Asked" not in wording.sentence(elsewhere)


def test_attempts_add_up():
    with serve(says("", 500)) as server:
        first = presence.count(wfs(server.url), SITE, WHOLE)
        second = presence.count(wfs(server.url), SITE, first)
    assert second.attempts == 2
    assert (second.extent, second.share) == (WHOLE.extent, WHOLE.share)


@pytest.mark.parametrize(
    ("resources", "code"),
    [([], "no-service"), ([{"url": "https://example.org/a.zip", "format": "SHP"}], "no-service"),
     ([{"url": "https://example.org/wfs", "format": "WFS"}], "no-layer"),
     ([{"url": "javascript:alert(1)", "format": "WFS"}], "")],
)  # fmt: skip
def test_datasets_that_cannot_be_asked(resources: list[dict[str, Any]], code: str):
    unanswered(presence.count({"resources": resources}, SITE, WHOLE), code)


# --- needs -----------------------------------------------------------------------------------


def test_a_need_has_the_best_of_its_datasets():
    here = Finding(states.COVERS, "counted", extent="territory", share=1, count=3)
    nothing = Finding(states.NOTHING_HERE, "nothing", extent="territory", share=1, count=0)
    silent = Finding(states.NO_ANSWER, "timeout", extent="territory", share=1)
    elsewhere = Finding(states.NOT_MAPPED, "territory-elsewhere", extent="territory")
    assert presence.conclude([elsewhere, silent, nothing, here], False, True) == here
    assert presence.conclude([elsewhere, nothing, silent, UNSURE], False, True) == nothing
    assert presence.conclude([elsewhere, silent, nothing], False, True) == silent
    assert presence.conclude([elsewhere, silent], False, True) == silent
    assert presence.conclude([silent], True, True).state == states.REQUESTED
    assert presence.conclude([here], True, True) == here
    assert presence.conclude([], False, True).state == states.NOBODY
    assert presence.conclude([], True, True).state == states.REQUESTED
    assert presence.conclude([here], True, False).state == states.NOT_RELEVANT


def test_the_services_of_the_demonstration_answer_each_in_another_way():
    nantes = Site("Nantes", "drawn", (), box(-1.60, 47.15, -1.45, 47.30))
    with served() as url:
        findings = []
        for entry in json.loads((DEV / "demo" / "studies.json").read_text(encoding="utf-8")):
            dataset = {
                "resources": [{"url": url + entry["path"], "format": "WFS", "protocol": "OGC:WFS"}]
            }
            findings.append(presence.count(dataset, nantes, WHOLE))
    few, many, slow_one, broken = findings
    assert (few.state, few.count) == (states.NOTHING_HERE, 0)
    assert few.nearest
    assert many.state == states.COVERS
    assert (slow_one.state, slow_one.code) == (states.NO_ANSWER, "timeout")
    assert (broken.state, broken.code) == (states.NO_ANSWER, "html")
