"""Every search as a feed: well-formed, bounded, public only, with the parameters of the page."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ckanext.ecosphere.search.alerts import feed
from ckanext.ecosphere.search.alerts.tests.conftest import dataset, known, page

pytestmark = pytest.mark.usefixtures("portal")

ATOM = "{http://www.w3.org/2005/Atom}"


def entries(client: Any, query: str, **options: Any) -> list[Any]:
    return ET.fromstring(page(client.get(f"/recherche.atom{query}", **options)).encode()).findall(f"{ATOM}entry")


def titles(client: Any, query: str, **options: Any) -> list[str]:
    return [each.findtext(f"{ATOM}title") or "" for each in entries(client, query, **options)]


def test_a_feed_is_its_search_escaped_and_public(visitor: Any, monkeypatch: Any):
    client = visitor()
    first = dataset(
        title="Zones humides <script>alert(1)</script> & marais", notes="**Inventaire** <b>de</b> 2024 & 2025"
    )
    dataset(title="Zones humides secrètes", private=True)
    dataset(title="Bruit routier", territory=["http://id.insee.fr/geo/departement/44"])
    dataset(title="Zones humides de la Loire")
    assert titles(client, "?q=zones+humides") == ["Zones humides de la Loire", first["title"]]
    assert titles(client, "?q=zones+humides", headers=known(client, "anne")) == titles(client, "?q=zones+humides")
    assert titles(client, "?vocab_ecosphere_territory=departement-44") == ["Bruit routier"]
    assert len(titles(client, "")) == 3
    [_newest, entry] = entries(client, "?q=zones+humides")
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "DDT du Rhône"
    updated = datetime.fromisoformat(entry.findtext(f"{ATOM}updated")).astimezone(timezone.utc)
    assert updated.isoformat().startswith(first["metadata_modified"][:19])
    assert entry.findtext(f"{ATOM}summary").startswith("Inventaire")
    assert entry.find(f"{ATOM}link").get("href").endswith(f"/dataset/{first['name']}")
    answer = client.get("/recherche.atom?q=zones+humides")
    assert "<script" not in answer.get_data(as_text=True)
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    again = client.get("/recherche.atom?q=zones+humides", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    monkeypatch.setattr(feed, "ENTRIES", 1)
    assert len(titles(client, "?q=zones+humides")) == 1


def test_strange_searches_get_a_sentence(visitor: Any):
    client = visitor()
    for query in (
        "?q=eau&x%20OR%20y:*=1",
        f"?q={'a' * 3000}",
        "?ext_bbox=1,2",
        "?q=*a*+*b*+*c*+*d*+*e*+*f*+*g*+title:*h*",
    ):
        assert client.get(f"/recherche.atom{query}").status_code == 400, query
    page(client.get("/recherche.atom?q=%00eau"), 400)
    page(client.get('/recherche.atom?tags=a"b\\'))


def test_the_snippets_name_the_feed_and_the_alert(portal: Any):
    import ckan.plugins.toolkit as tk

    with portal.test_request_context('/dataset/?q=eau"><script>&res_format=CSV&page=2'):
        head = tk.render("ecosphere_search/snippets/feed_link.html", {})
        follow = tk.render("ecosphere_search/snippets/alert_links.html", {})
    for text in (head, follow):
        assert "/recherche.atom?q=eau%22%3E%3Cscript%3E&amp;res_format=CSV" in text and "<script" not in text
    assert "/recherche/alertes/nouvelle?q=eau" in follow
