"""Crawl of every page as each persona: accessibility in light and dark mode, no English text on
French pages.

`make test` crawls as the persona with most rights, without looking at contrast, which takes as long
as all other rules, and opens what has an element that no page had; `make test-all` looks at
contrast, too, at each structure of each route, and crawls as the others. In English each page
is checked as one persona only. The pages are those of `routes.csv` and CKAN's own, listed below; a
test checks that none is missing. Pages with the same structure are checked once: the content per
route, and head, account bar and footer once for the whole portal. The browser is served by the
test's application, so that no second process has to start; over real HTTP, since browsers do not
cache assets of intercepted requests.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from ckan import model
from lxml import html
from playwright.sync_api import Browser, Page

from ckanext.ecosphere.tests.access import calls, tables, world
from ckanext.ecosphere.tests.access.conftest import Visitor
from ckanext.ecosphere.tests.browser import run_axe
from ckanext.ecosphere.tests.english import english_texts
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

pytestmark = pytest.mark.browser

PARAMETERS = tables.parameters("routes")
EVERYONE = tuple(world.PERSONAS)
SERVICE, MEMBERS, ADMINISTRATORS = (
    ("editor", "admin", "sysadmin"),
    EVERYONE[1:],
    ("admin", "sysadmin"),
)
#: Pages of CKAN and its extensions, which are not in `routes.csv`, and one of ours: path → personas
#: who may open it.
PAGES_OF_CKAN = {
    "/": EVERYONE,
    "/dataset/": EVERYONE,
    "/dataset/?q=zones&vocab_ecosphere_territory=departement-42": ("anonymous",),
    "/dataset/?q=introuvable": ("anonymous",),
    "/dataset/zones-humides": EVERYONE,
    "/dataset/avec-services": EVERYONE,
    "/dataset/avec-services/resource/{wfs}": EVERYONE,
    "/dataset/activity/zones-humides": SERVICE,
    "/dataset/new": SERVICE,
    "/dataset/edit/zones-humides": SERVICE,
    "/dataset/resources/avec-services": SERVICE,
    "/dataset/zones-humides/resource/new": SERVICE,
    "/dataset/avec-services/resource/{wfs}/edit": SERVICE,
    "/dataset/collaborators/zones-humides": ADMINISTRATORS,
    "/dataset/followers/zones-humides": ("sysadmin",),
    "/dataset/groups/zones-humides": SERVICE,
    "/dataset/delete/zones-humides": SERVICE,
    "/dataset/avec-services/resource/{wfs}/delete": SERVICE,
    "/organization/": EVERYONE,
    "/organization/?q=zzz": ("anonymous",),
    "/organization/ddt-42": EVERYONE,
    "/organization/about/ddt-42": EVERYONE,
    "/organization/edit/ddt-42": ADMINISTRATORS,
    "/organization/bulk_process/ddt-42": ADMINISTRATORS,
    "/organization/manage_members/ddt-42": ADMINISTRATORS,
    "/organization/member_new/ddt-42": ADMINISTRATORS,
    "/organization/activity/ddt-42": SERVICE,
    "/organization/members/ddt-42": ADMINISTRATORS,
    "/organization/followers/ddt-42": ("sysadmin",),
    "/organization/delete/ddt-42": ("sysadmin",),
    "/organization/new": ("sysadmin",),
    "/group/": EVERYONE,
    "/group/zonages": EVERYONE,
    "/group/about/zonages": EVERYONE,
    "/group/activity/zonages": ("sysadmin",),
    "/group/members/zonages": ("sysadmin",),
    "/group/followers/zonages": ("sysadmin",),
    "/group/edit/zonages": ("sysadmin",),
    "/group/manage_members/zonages": ("sysadmin",),
    "/group/member_new/zonages": ("sysadmin",),
    "/group/delete/zonages": ("sysadmin",),
    "/group/new": ("sysadmin",),
    "/about": ("anonymous",),
    "/user/login": ("anonymous",),
    "/user/register": ("anonymous",),
    "/user/reset": ("anonymous",),
    "/user/{name}": MEMBERS,
    "/user/edit/{name}": MEMBERS,
    "/user/activity/{name}": MEMBERS,
    "/user/{name}/groups": MEMBERS,
    "/user/{name}/organizations": MEMBERS,
    "/user/followers/{name}": ("sysadmin",),
    "/user/delete/{name}": ("sysadmin",),
    "/user/": ("sysadmin",),
    "/user/logged_out_redirect": ("anonymous",),
    "/user/{name}/api-tokens": MEMBERS,
    "/dashboard/datasets": MEMBERS,
    "/dashboard/organizations": MEMBERS,
    "/dashboard/groups": MEMBERS,
    "/dashboard": MEMBERS,
    "/harvest": SERVICE,
    "/harvest/geocatalogue": SERVICE,
    "/harvest/about/geocatalogue": SERVICE,
    "/harvest/geocatalogue/job/last": SERVICE,
    "/harvest/new": SERVICE,
    "/harvest/edit/geocatalogue": SERVICE,
    "/harvest/admin/geocatalogue": SERVICE,
    "/harvest/geocatalogue/job": SERVICE,
    "/harvest/geocatalogue/job/{job}": SERVICE,
    "/ckan-admin/": ("sysadmin",),
    "/ckan-admin/config": ("sysadmin",),
    "/ckan-admin/reset_config": ("sysadmin",),
    "/ckan-admin/activities": ("sysadmin",),
    "/ckan-admin/trash": ("sysadmin",),
    "/dataset/missing": ("anonymous", "editor"),
    "/demandes/{answered}": ("anonymous", "editor"),
    "/organization/missing": ("anonymous",),
}
#: Routes of CKAN and its extensions that are not opened, by beginning or end of their endpoint,
#: with the reason.
NOT_OPENED = {
    "no page": (
        "api.", "dcat.", "feeds.", "file.", "webassets.", "home.", "util.", ".download", ".member_dump",
        "user.logout", "user.me", "util.internal_redirect",
    ),
    "acts when it is opened": (
        "harvester.clear", "harvester.delete", "harvester.refresh", "harvester.job_abort", ".member_delete",
    ),
    "of datasets of other types, as the same page of a dataset": ("harvest.", "harvest_resource.", "resource."),
    "needs an activity, a view or the key of an e-mail": (
        "_changes", "_changes_multiple", "_history", ".edit_view", ".view", ".views", "user.perform_reset",
    ),
    "for developers": ("activity.dashboard_testing",),
    "leads to the members": ("group.admins", "organization.admins", "group.bulk_process"),
}  # fmt: skip
OWN = ("test.ckan.net", "localhost", "")  # the first one is `ckan.site_url` of `test.ini`
#: Only the contrast differs in dark mode.
CONTRAST = {"runOnly": ["color-contrast"]}
#: All rules but contrast, and that of WCAG 2.2 (2.5.8) which axe has, but leaves out by default.
BUT_CONTRAST = {"rules": {"color-contrast": {"enabled": False}, "target-size": {"enabled": True}}}
#: The content specific to a page.
CONTENT = ".main"
#: Documents of a study for the authorities are in French in every language of the page.
FOR_AUTHORITIES = re.compile(r"/fichiers/annexe\.html$")
ASSET = re.compile(r"^/(webassets|base|vendor|ecosphere)/[^?]+\.\w+$")
NOT_SHAPE = ("script", "style", "option", "path")
FOLLOWED = 3
#: Headers that must not be repeated with a cached answer.
NOT_KEPT = ("Set-Cookie", "Content-Length")


@dataclass
class Crawl:
    """A browser that opens the portal as one persona after the other.

    Attributes:
        seen: structures of the contents already checked, by route.
        parts: elements of the contents already checked.
        frames: structures around the content, of the pages already checked.
        opened: the page last requested, by its path: the browser gets this very answer.
        alone: lock held while the application answers, since a browser sends parallel requests.
        faults: findings, by persona and path.
        pages: number of answers that were pages, not files or redirects.
        contrast: whether contrast is checked, in light and dark mode.
    """

    page: Page
    visitor: Visitor | None = None
    host: str = ""
    seen: dict[str, set[frozenset[str]]] = field(default_factory=dict)
    frames: set[frozenset[str]] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    faults: dict[str, list[str]] = field(default_factory=dict)
    assets: dict[str, Any] = field(default_factory=dict)
    opened: dict[str, Any] = field(default_factory=dict)
    alone: threading.Lock = field(default_factory=threading.Lock)
    pages: int = 0
    contrast: bool = False

    def look_at_contrast(self) -> None:
        """Look at contrast from now on, also on the pages that were checked without."""
        if not self.contrast:
            self.contrast = True
            self.seen.clear()
            self.parts.clear()
            self.frames.clear()

    def answer(self, exchange: Exchange) -> None:
        """Answer a request of the browser with the test's application."""
        path = exchange.path
        if exchange.command != "GET":
            return exchange.answer(status=HTTPStatus.METHOD_NOT_ALLOWED)
        kept = self.assets.get(path) or self.opened.pop(path, None)
        if kept is None:
            kept = _kept(self._get(path))
            model.Session.remove()  # of this thread
            if ASSET.match(urlsplit(path).path):
                self.assets[path] = kept
        status, headers, body = kept
        return exchange.answer(body, status, **headers)

    def _get(self, path: str) -> Any:
        """Return the application's answer for the persona."""
        assert self.visitor is not None
        with self.alone:
            return self.visitor.get(path)

    def open(self, persona: str, route: str, address: str) -> None:
        """Check a page as a persona.

        A page with a structure already checked is not opened in the browser.
        """
        found = self._page(address)
        if found is None:
            return
        self.pages += 1
        reached, text = found
        language = "fr" if FOR_AUTHORITIES.search(address) else address.split("/")[1]
        faults = (
            []
            if f'lang="{language}"' in text[:500]
            else [f"the page does not say that it is in {language}"]
        )
        faults += [f"English: {each}" for each in english_texts(text) if language == "fr"]
        content, frame = _shapes(text)
        knows_frame = _is_within(frame, self.frames)
        if not (self._knows(content, route) and knows_frame):
            self.seen.setdefault(route, set()).add(content)
            self.parts |= content
            self.frames.add(frame)
            faults += self._axe(reached, CONTENT if knows_frame else None)
        if faults:
            self.faults[f"{persona} {address}"] = faults

    def _knows(self, content: frozenset[str], route: str) -> bool:
        """Return whether a content was checked: as part of one page of its route; without contrast,
        each of its elements on any page.
        """
        if self.contrast:
            return _is_within(content, self.seen.get(route, set()))
        return content <= self.parts

    def _page(self, address: str) -> tuple[str, str] | None:
        """Return the final path after redirects and the text of its page,
        None if it is not a page.
        """
        answer: Any = None
        for _step in range(FOLLOWED):
            answer = self._get(address)
            if answer.status_code not in (301, 302, 303, 308):
                break
            parts = urlsplit(answer.headers["Location"])
            if "/user/login" in parts.path or ASSET.match(parts.path) or parts.netloc not in OWN:
                return None
            address = parts.path + (f"?{parts.query}" if parts.query else "")
        if not answer.content_type.startswith("text/html"):
            return None
        text = answer.get_data(as_text=True)
        self.opened = {address: _kept(answer)}
        return (address, text) if "<html" in text[:500] else None

    def _axe(self, address: str, contrast_of: str | None) -> list[str]:
        """Run axe on a page with all rules.

        Contrast, by far the slowest one, only on the given part, if any.
        """
        self.page.emulate_media(color_scheme="light")
        self.page.goto(self.host + address, wait_until="load")
        found = [f"light: {each}" for each in _violations(self.page, **BUT_CONTRAST)]
        if not self.contrast:
            return found
        part = contrast_of if contrast_of and self.page.locator(contrast_of).count() else None
        found += [f"light: {each}" for each in _violations(self.page, part, **CONTRAST)]
        self.page.emulate_media(color_scheme="dark")
        return found + [f"dark: {each}" for each in _violations(self.page, part, **CONTRAST)]


def _kept(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body for the browser, without cookies:
    the answer may be reused for all personas.
    """
    headers = {name: value for name, value in answer.headers.items() if name not in NOT_KEPT}
    return answer.status_code, headers, answer.get_data()


def _violations(page: Page, part: str | None = None, **options: Any) -> list[str]:
    return [
        f"{v['id']} ({v['impact']}): " + " | ".join(n["html"][:160] for n in v["nodes"][:2])
        for v in run_axe(page, part, **options)
    ]


def _shapes(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the structure of a page's content, and of what surrounds it, without the text.

    Returns:
        for each of both, the paths of elements with their classes and roles; a page without a
        content element counts as content entirely.
    """
    tree = html.fromstring(text)
    content = next(iter(tree.find_class("main")), tree)
    inside = set(content.iter())
    shapes: tuple[set[str], set[str]] = (set(), set())
    for element in tree.iter():
        if not isinstance(element.tag, str) or element.tag in NOT_SHAPE:
            continue
        parent = element.getparent()
        above = f"{parent.tag}.{parent.get('class', '')}" if parent is not None else ""
        shape = f"{above} > {element.tag}.{element.get('class', '')}[{element.get('role', '')}]"
        shapes[element not in inside].add(shape)
    return frozenset(shapes[0]), frozenset(shapes[1])


def _is_within(shape: frozenset[str], seen: set[frozenset[str]]) -> bool:
    return any(shape <= each for each in seen)


@pytest.fixture(scope="module")
def crawl(browser: Browser, visitors: dict[str, Visitor]) -> Iterator[Crawl]:
    """A browser on the portal of the access matrix."""
    context = browser.new_context(
        locale="fr-FR", viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    made = Crawl(context.new_page())
    made.page.set_default_timeout(60_000)
    with serve(made.answer) as server:
        made.host = server.url
        yield made
        context.close()


def addresses(portal: world.World) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Return for each page its route, its path in French, and the personas who may open it."""
    for row in tables.read("routes"):
        personas = tuple(name for name, outcome in row.outcomes.items() if outcome == "done")
        if row.method != "GET" or not personas:
            continue
        parameters = portal.filled(PARAMETERS.get(row.key) or {}, "name")
        query = parameters.pop("query", {})
        address = calls.with_each(row.name, parameters) + (f"?{urlencode(query)}" if query else "")
        yield row.name, f"/fr{address}", personas
    things = {name: value for name, (_id, value) in portal.things.items()}
    for address, personas in PAGES_OF_CKAN.items():
        if "{name}" in address:
            for each in personas:
                yield address, "/fr" + address.format(name=world.PERSONAS[each]), (each,)
        else:
            yield address, "/fr" + address.format(**things), personas


def test_no_page_is_left_out(made_app: Any, portal: world.World):
    # `test_matrix.py` checks that all routes of the suite are in `routes.csv`.
    app = made_app._wsgi_app
    suite, match = calls.suite_routes(app), app.url_map.bind("localhost").match
    opened = {
        match(urlsplit(address).path.replace("{", "").replace("}", ""))[0]
        for address in PAGES_OF_CKAN
    }
    left = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and f"GET {rule.rule}" not in suite and rule.endpoint not in opened
    }
    parts = tuple(part for several in NOT_OPENED.values() for part in several)
    assert {each for each in left if not (each.startswith(parts) or each.endswith(parts))} == set()


@pytest.mark.journey
def test_every_page_is_accessible_and_french(
    crawl: Crawl, portal: world.World, visitors: dict[str, Visitor]
):
    crawl_as(EVERYONE[-1], crawl, portal, visitors)


@pytest.mark.slow("personas")
@pytest.mark.parametrize("persona", reversed(EVERYONE))
def test_every_page_of_a_persona_is_accessible_in_light_and_in_the_dark(
    crawl: Crawl, portal: world.World, visitors: dict[str, Visitor], persona: str
):
    crawl.look_at_contrast()
    crawl_as(persona, crawl, portal, visitors)


def crawl_as(persona: str, crawl: Crawl, portal: world.World, visitors: dict[str, Visitor]) -> None:
    """Check every page that a persona may open."""
    crawl.visitor = visitors[persona]
    crawl.faults.clear()
    crawl.pages = 0
    pages = [
        (route, address) for route, address, personas in addresses(portal) if persona in personas
    ]
    for route, address in pages:
        crawl.open(persona, route, address)
    assert crawl.pages > len(pages) / 2  # nearly all are pages, not files and redirects
    assert not crawl.faults, told(crawl)


def test_every_page_is_accessible_in_english_too(
    crawl: Crawl, portal: world.World, visitors: dict[str, Visitor]
):
    crawl.faults.clear()
    crawl.look_at_contrast()
    for route, address, personas in addresses(portal):
        persona = next(
            each for each in reversed(EVERYONE) if each in personas
        )  # the persona with most rights
        crawl.visitor = visitors[persona]
        crawl.open(persona, route, address.replace("/fr", "/en", 1))
    assert not crawl.faults, told(crawl)


def told(crawl: Crawl) -> str:
    """Return one line for each finding."""
    return "\n".join(
        f"{where}: {fault}" for where, faults in crawl.faults.items() for fault in faults
    )
