"""The French interface is complete: every message is translated, and pages under /fr show no English."""

import re
from functools import cache
from pathlib import Path

import ckan
import pytest
from babel.messages.pofile import read_po
from ckan.tests import factories, helpers
from lxml import html

from dev.translations import __main__ as catalogue

READ_ATTRIBUTES = ("aria-label", "title", "alt", "placeholder", "data-bs-title", "data-module-content")
PLACE = re.compile(r"%\\\(\w+\\\)[sdr]|%[sdr]|\\\{\w*\\\}")
#: English messages that are French words as well, and stand on pages as such.
FRENCH_TOO = {"Public"}
#: Letters that a message with places must have besides them, or anything would match it.
ENOUGH_LETTERS = 10


def test_every_message_is_translated_and_the_files_are_up_to_date():
    assert catalogue.problems() == [], "run `make i18n` and translate what it lists"


@cache
def english() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Messages whose French differs: plain ones as message → French, those with places as patterns."""
    plain, patterns = {}, []
    for path in (Path(ckan.__file__).parent / "i18n/fr/LC_MESSAGES/ckan.po", catalogue.PO):
        with path.open("rb") as stream:
            for message in read_po(stream):
                ids = message.id if isinstance(message.id, tuple) else (message.id,)
                strings = message.string if isinstance(message.string, tuple) else (message.string,)
                for text, french in zip(map(str, ids), strings, strict=False):
                    flat = " ".join(re.sub(r"<[^>]*>", "", text).split())
                    if not text or not french or text == french or "<" in text:
                        continue
                    if "{" in text or "%" in text:
                        pattern = PLACE.sub(".+", re.escape(flat))
                        if len(re.sub(r"[^A-Za-z]", "", re.sub(r"%\(\w+\)s|\{\w*\}", "", flat))) >= ENOUGH_LETTERS:
                            patterns.append((re.compile(pattern), text))
                    else:
                        plain[flat] = french
    # The same word may be the French of another message ("Service", "Date").
    french_words = set(plain.values())
    return {text: french for text, french in plain.items() if text not in french_words | FRENCH_TOO}, patterns


def english_texts(page: str) -> list[str]:
    """Texts of a page, and attributes that are read out, that are a message in English."""
    plain, patterns = english()
    tree = html.fromstring(page)
    for element in tree.xpath("//script | //style | //*[@lang='en'] | //code | //meta"):
        element.drop_tree()
    texts = [text for element in tree.iter() if isinstance(element.tag, str) for text in element.xpath("text()")]
    texts += [str(value) for name in READ_ATTRIBUTES for value in tree.xpath(f"//@{name}")]
    found = []
    for raw in texts:
        text = " ".join(raw.split())
        if text in plain or any(pattern.fullmatch(text) for pattern, _message in patterns):
            found.append(text)
    return sorted(set(found))


def test_english_on_a_page_is_noticed():
    page = '<p>Datasets</p><p>3 datasets found</p><p>Jeux de données</p><a aria-label="Log in">x</a>'
    assert english_texts(page) == ["3 datasets found", "Datasets", "Log in"]


@pytest.fixture
def portal(clean_db, clean_index):
    """A portal with a service, a dataset, a harvest source and a finished job; addresses for each kind of reader."""
    admin = factories.SysadminWithToken(name="administratrice", fullname="Administratrice")
    service = factories.Organization(name="ddt-01053-01", title="DDT 01", description="Direction", image_url="")
    helpers.call_action(
        "organization_member_create", id=service["id"], username="administratrice", role="admin", context=as_site()
    )
    resource = {"url": "http://example.org/zones.zip", "name": "Fichier", "description": "Contours", "format": "SHP"}
    dataset = factories.Dataset(
        user=admin, title="Zones humides", notes="Inventaire.", owner_org=service["id"], resources=[resource]
    )
    helpers.call_action("package_patch", id=dataset["id"], notes="Inventaire départemental.", context=as_site())
    source = helpers.call_action(
        "harvest_source_create",
        context=as_site(),
        name="geo-ide",
        title="Géo-IDE",
        url="https://example.org/csw",
        source_type="ecosphere_csw",
        owner_org=service["id"],
        frequency="MANUAL",
    )
    job = helpers.call_action("harvest_job_create", context=as_site(), source_id=source["id"], run=False)
    name, file = dataset["name"], dataset["resources"][0]["id"]
    public = [
        "/",
        "/dataset/",
        "/dataset/?q=zones&vocab_ecosphere_territory=departement-01",
        "/dataset/?q=introuvable",
        f"/dataset/{name}",
        f"/dataset/activity/{name}",
        f"/dataset/{name}/qualite",
        f"/dataset/{name}/resource/{file}",
        "/organization/",
        "/organization/?q=zzz",
        "/organization/ddt-01053-01",
        "/organization/about/ddt-01053-01",
        "/about",
        "/user/login",
        "/user/register",
        "/user/reset",
        "/harvest",
        "/harvest/geo-ide",
    ]
    private = [
        "/dashboard/datasets",
        "/dashboard/organizations",
        "/dashboard",
        "/user/administratrice",
        "/user/edit/administratrice",
        "/user/administratrice/api-tokens",
        "/dataset/new",
        f"/dataset/edit/{name}",
        f"/dataset/resources/{name}",
        f"/dataset/{name}/resource/new",
        f"/dataset/{name}/resource/{file}/edit",
        "/organization/new",
        "/organization/edit/ddt-01053-01",
        "/organization/manage_members/ddt-01053-01",
        "/organization/member_new/ddt-01053-01",
        "/harvest/new",
        "/harvest/edit/geo-ide",
        "/harvest/admin/geo-ide",
        "/harvest/geo-ide/job",
        f"/harvest/geo-ide/job/{job['id']}",
        "/ckan-admin/config",
        "/ckan-admin/trash",
    ]
    refused = ["/dataset/missing", "/organization/missing", "/ckan-admin/", "/dataset/new"]
    return {"token": admin["token"], "public": public, "private": private, "refused": refused}


def as_site() -> dict:
    """Context of the portal itself."""
    return {"ignore_auth": True, "user": helpers.call_action("get_site_user")["name"]}


@pytest.mark.usefixtures("with_plugins")
def test_pages_under_fr_show_no_english(app, portal):
    found = {}
    for kind, headers, status in (
        ("public", {}, 200),
        ("private", {"Authorization": portal["token"]}, 200),
        ("refused", {}, None),
    ):
        for address in portal[kind]:
            answer = app.get(f"/fr{address}", headers=headers, follow_redirects=kind != "refused", status=status)
            assert 'lang="fr"' in answer.text, address
            if texts := english_texts(answer.text):
                found[address] = texts
    assert found == {}
