"""Atom feeds of searches: well-formed, bounded, public datasets only,
with the parameters of the search page.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import lxml.html
import pytest

from ckanext.ecosphere.search.alerts import feeds
from ckanext.ecosphere.search.alerts.tests.conftest import dataset, known, page

pytestmark = pytest.mark.usefixtures("portal")

ATOM = "{http://www.w3.org/2005/Atom}"


def entries(client: Any, query: str, **options: Any) -> list[Any]:
    return ET.fromstring(page(client.get(f"/recherche.atom{query}", **options)).encode()).findall(
        f"{ATOM}entry"
    )


def titles(client: Any, query: str, **options: Any) -> list[str]:
    return [each.findtext(f"{ATOM}title") or "" for each in entries(client, query, **options)]


def test_a_feed_is_its_search_escaped_and_public(visitor: Any, monkeypatch: Any):
    client = visitor()
    first = dataset(
        title="Zones humides <script>alert(1)</script> & marais",
        notes="**Inventaire** <b>de</b> 2024 & 2025",
    )
    dataset(title="Zones humides secrètes", private=True)
    dataset(title="Bruit routier", territory=["http://id.insee.fr/geo/departement/44"])
    dataset(title="Zones humides de la Loire")
    assert titles(client, "?q=zones+humides") == ["Zones humides de la Loire", first["title"]]
    assert titles(client, "?q=zones+humides", headers=known(client, "anne")) == titles(
        client, "?q=zones+humides"
    )
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
    again = client.get(
        "/recherche.atom?q=zones+humides", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    monkeypatch.setattr(feeds, "ENTRIES", 1)
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


def test_the_page_of_a_search_names_its_feed_and_its_alert(visitor: Any):
    query = {"q": 'eau"><script>', "res_format": "CSV", "page": "2"}
    body = page(visitor().get("/dataset/", query_string=query))
    assert 'eau"><script>' not in body
    feed = "/recherche.atom?q=eau%22%3E%3Cscript%3E&res_format=CSV"
    tree = lxml.html.fromstring(body)
    assert tree.xpath("//link[@type='application/atom+xml']/@href")[-1].endswith(feed)
    ways = tree.xpath("//details[@class='eco-follow']//@href")
    assert [way.split("?")[0].rsplit("/", 1)[-1] for way in ways] == ["nouvelle", "recherche.atom"]
    assert ways[1].endswith(feed)


def ckan_feed(client: Any, address: str) -> Any:
    return ET.fromstring(page(client.get(address)).encode())


def links(root: Any) -> dict[str, str]:
    return {each.get("rel"): each.get("href") for each in root.findall(f"{ATOM}link")}


@pytest.mark.slow("exchange")
def test_the_feeds_of_ckan_are_valid_and_go_from_page_to_page(
    visitor: Any, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ckan.feeds.limit", 2)
    client = visitor()
    made = [
        dataset(title=f"Zones {n}", author="A. Dupré", author_email="a.dupre@example.org")
        for n in range(5)
    ]
    dataset(title="Zones secrètes", private=True)
    service = made[0]["organization"]
    feeds = {
        "/feeds/dataset.atom": "/dataset/",
        f"/feeds/organization/{service['name']}.atom": f"/dataset/?organization={service['name']}",
        f"/feeds/organization/{service['id']}.atom": f"/dataset/?organization={service['name']}",
        "/feeds/custom.atom?q=zones": "/dataset/?q=zones",
    }
    for first, shown in feeds.items():
        address, seen, identifiers, read = f"/fr{first}", [], set(), 0
        while address:
            root = ckan_feed(client, address)
            found = links(root)
            assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
            assert found["self"].endswith(address) and found["alternate"].endswith(shown)
            assert all(each.startswith("http://") for each in found.values())
            identifiers.add(root.findtext(f"{ATOM}id"))
            seen += [
                (each.findtext(f"{ATOM}id"), links(each)["alternate"])
                for each in root.findall(f"{ATOM}entry")
            ]
            assert "dupre" not in ET.tostring(root, "unicode")
            address = found.get("next", "").removeprefix("http://test.ckan.net")
            read += 1
        assert read == 3 and len(identifiers) == 1
        (identifier,) = identifiers
        assert identifier.startswith("http://") and urlsplit(identifier).port != ""
        assert [each.rpartition("/")[2] for each, _page in seen] == [
            each["id"] for each in reversed(made)
        ]
        assert [each.rpartition("/")[2] for _id, each in seen] == [
            each["name"] for each in reversed(made)
        ]
