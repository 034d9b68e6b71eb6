"""Browser tests of the Content Security Policy: nothing of the main pages is blocked,
no uploaded script runs.
"""

from __future__ import annotations

import io
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories
from playwright.sync_api import Page
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.tests.browser import log_in, log_in_by_hand

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]
PASSWORD = "correct-horse-battery"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>document.documentElement.id="run"</script></svg>'
OPEN = (
    "/",
    "/dataset/",
    "/dataset/zones-humides",
    "/dataset/zones-humides/qualite",
    "/demandes",
    "/organization/",
)
OPEN = (
    *OPEN,
    "/organization/ddt",
    "/about",
    "/user/login",
    "/user/register",
    "/user/reset",
    "/qualite",
    "/nowhere",
)
FOR_EDITORS = (
    "/dataset/new",
    "/dataset/edit/zones-humides",
    "/dataset/zones-humides/resource/new",
    "/demandes/nouvelle",
)
FOR_EDITORS = (
    *FOR_EDITORS,
    "/dataset/importer",
    "/dataset/modification-groupee",
    "/dashboard/datasets",
    "/user/edit",
)
FOR_EDITORS = (
    *FOR_EDITORS,
    "/user/anne/api-tokens",
    "/organization/edit/ddt",
    "/organization/members/ddt",
)
FOR_BOSS = (
    "/harvest/new",
    "/harvest",
    "/ckan-admin/config",
    "/ecosphere/harvest/sources",
    "/demandes/moderation",
)


@pytest.fixture
def service(with_plugins: None, clean_db: None, clean_index: None) -> dict[str, Any]:
    """An organisation with an administrator, and a dataset."""
    factories.Sysadmin(name="boss", password=PASSWORD, image_url="")
    factories.User(name="anne", password=PASSWORD, image_url="")
    made = factories.Organization(
        name="ddt", users=[{"name": "anne", "capacity": "admin"}], image_url=""
    )
    factories.Dataset(name="zones-humides", title="Zones humides", owner_org=made["id"])
    return made


def violations_of(page: Page, paths: tuple[str, ...]) -> dict[str, list[str]]:
    """Return what the browser blocked on each page."""
    found: dict[str, list[str]] = {}
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    for path in paths:
        heard.clear()
        page.goto(path)
        page.wait_for_load_state("networkidle")
        stopped = [
            text
            for text in heard
            if "Content Security Policy" in text and "Report Only" not in text
        ]
        stopped = [
            text
            for text in stopped
            if "[Report Only]" not in text and "report-only" not in text.lower()
        ]
        if stopped:
            found[path] = stopped
    return found


def test_policy_stops_nothing_of_the_portal(service: Any, page: Page):
    assert violations_of(page, OPEN) == {}
    log_in(page, "anne", PASSWORD)
    assert violations_of(page, FOR_EDITORS) == {}


def test_policy_stops_nothing_of_the_administration(service: Any, page: Page):
    log_in(page, "boss", PASSWORD)
    assert violations_of(page, FOR_BOSS) == {}


def test_policy_stops_an_inline_script(service: Any, page: Page):
    page.goto("/about")
    page.evaluate("""() => { const s = document.createElement("script"); s.textContent = "document.title = 'run'";
        document.body.append(s); }""")
    assert page.title() != "run"


@pytest.mark.parametrize("name", ["logo.svg", "page.html"])
def test_script_of_an_uploaded_file_does_not_run(
    service: Any, page: Page, sysadmin_context: Any, name: str
):
    content = SVG if name.endswith("svg") else b"<script>document.documentElement.id='run'</script>"
    file = FileStorage(io.BytesIO(content), filename=name)
    data = {"package_id": "zones-humides", "upload": file, "url": name, "url_type": "upload"}
    resource = tk.get_action("resource_create")(sysadmin_context, data)
    path = f"/dataset/{resource['package_id']}/resource/{resource['id']}/download/{name}"
    log_in_by_hand(page, "boss", PASSWORD)
    with page.expect_download() as download:
        page.evaluate("address => { location.href = address }", path)
    assert download.value.suggested_filename == name
    # Even in a frame of another page, no script runs.
    page.evaluate(
        "address => { const f = document.createElement('iframe'); f.src = address; document.body.append(f) }",
        path,
    )
    page.wait_for_timeout(500)
    assert all(frame.evaluate("document.documentElement.id") != "run" for frame in page.frames)
