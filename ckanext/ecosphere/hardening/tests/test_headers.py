"""Response headers of pages, data and uploaded files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.shared.tests.conftest import cookies_of, group_id
from ckanext.ecosphere.shared.web_guard import headers
from ckanext.ecosphere.shared.web_guard.incoming import Settings

Visitor = Callable[..., FlaskClient]
PAGES = (
    "/",
    "/dataset/",
    "/dataset/zones-humides",
    "/demandes",
    "/about",
    "/user/login",
    "/nowhere",
    "/organization/ddt",
)
SCRIPT = b"<script>document.title='run'</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>document.title="run"</script></svg>'
XHTML = b'<html xmlns="http://www.w3.org/1999/xhtml"><script>document.title="run"</script></html>'


@pytest.mark.few(3, "pages")
@pytest.mark.parametrize("path", PAGES)
def test_page_has_every_header(visitor: Visitor, path: str):
    sent = visitor().get(path).headers
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in sent["Permissions-Policy"]
    assert sent["X-Frame-Options"] == "SAMEORIGIN"
    policy = dict(part.split(" ", 1) for part in sent["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'self'"


def test_assets_stay_in_the_browser_and_bring_no_session(log_in: Visitor):
    anne = log_in("anne")
    versioned = re.findall(r"/webassets/[^\"]+\.js", anne.get("/fr/").get_data(as_text=True))
    assert versioned
    for path, expected in (
        (versioned[0], "public, max-age=31536000, immutable"),
        ("/ecosphere/mark.svg", "public, max-age=3600"),
        ("/api/i18n/fr", "public, max-age=3600"),
    ):
        sent = anne.get(path)
        assert (sent.status_code, sent.headers["Cache-Control"]) == (200, expected)
        assert "Set-Cookie" not in sent.headers
    missing = anne.get("/webassets/vendor/00000000_nothing.js")
    assert missing.status_code == 404 and "max-age" not in missing.headers["Cache-Control"]


def test_page_with_scripts_in_its_text_only_reports(log_in: Visitor):
    sent = log_in("anne").get("/user/anne/api-tokens").headers
    assert "script-src" not in sent["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in sent["Content-Security-Policy"]
    assert "script-src 'self'" in sent["Content-Security-Policy-Report-Only"]


def test_policy_takes_sources_of_the_administrator(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(
        tk.config,
        "ecosphere.web.content_security_policy_sources",
        "script-src https://stats.example.gouv.fr",
    )
    monkeypatch.setitem(
        tk.config, "ecosphere.web.frame_ancestors", "'self' https://intranet.example.gouv.fr"
    )
    policy = visitor().get("/about").headers["Content-Security-Policy"]
    assert "script-src 'self' https://stats.example.gouv.fr;" in policy
    assert policy.endswith("frame-ancestors 'self' https://intranet.example.gouv.fr")


@pytest.mark.parametrize("mode", ["report-only", "off"])
def test_policy_is_not_enforced_when_it_is_not_wanted(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, mode: str
):
    monkeypatch.setitem(tk.config, "ecosphere.web.content_security_policy", mode)
    sent = visitor().get("/about").headers
    assert "script-src" not in sent.get("Content-Security-Policy", "")
    assert ("Content-Security-Policy-Report-Only" in sent) is (mode == "report-only")


@pytest.mark.parametrize("text", ["script-src", "upgrade https://a.example", "https://a.example"])
def test_sources_that_are_no_policy_are_refused(portal: Any, text: str):
    with pytest.raises(ValueError, match=text.split(" ", 1)[0]):
        headers.read_extra(text)


def test_badge_may_be_shown_elsewhere_and_runs_nothing(visitor: Visitor):
    sent = visitor().get("/dataset/zones-humides/qualite.svg").headers
    assert "default-src 'none'" in sent["Content-Security-Policy"]
    assert "X-Frame-Options" not in sent
    assert sent["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/dataset/zones-humides/iso19139.xml", "/dataset/zones-humides.rdf"]
)
def test_xml_runs_nothing(visitor: Visitor, path: str):
    assert "sandbox" in visitor().get(path).headers["Content-Security-Policy"]


def upload(name: str, content: bytes, mimetype: str) -> str:
    """Upload a file as a resource; return its download path."""
    file = FileStorage(io.BytesIO(content), filename=name, content_type=mimetype)
    package = factories.Dataset(owner_org=group_id("ddt"))
    context: Any = {"ignore_auth": True, "user": "boss"}
    data = {
        "package_id": package["id"],
        "upload": file,
        "url": name,
        "mimetype": mimetype,
        "url_type": "upload",
    }
    resource = tk.get_action("resource_create")(context, data)
    return f"/dataset/{package['id']}/resource/{resource['id']}/download/{name}"


@pytest.mark.few(2, "formats")
@pytest.mark.parametrize(
    ("name", "content", "mimetype"),
    [
        ("page.html", SCRIPT, "text/html"),
        ("page.HTM", SCRIPT, "TEXT/HTML; charset=utf-8"),
        ("image.svg", SVG, "image/svg+xml"),
        ("page.xhtml", XHTML, "application/xhtml+xml"),
        ("data.xml", XHTML, "text/xml"),
        ("data.xsl", XHTML, "application/xslt+xml"),
        ("page.mht", SCRIPT, "multipart/related"),
        ("code.js", b"alert(1)", "text/javascript"),
    ],
)
def test_uploaded_page_is_saved_and_never_run(
    visitor: Visitor, name: str, content: bytes, mimetype: str
):
    answer = visitor().get(upload(name, content, mimetype))
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        "javascript" not in answer.headers["Content-Type"]
    )  # otherwise a page could load it as a script


def test_uploaded_table_is_still_shown(visitor: Visitor):
    answer = visitor().get(upload("mesures.csv", b"a;b\n1;2\n", "text/csv"))
    assert answer.status_code == 200
    assert not answer.headers.get("Content-Disposition", "").startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_file_in_the_folder_of_images_is_never_run(visitor: Visitor, portal: Any):
    folders = [folder for folder in portal._wsgi_app.static_folder if folder.endswith("storage")]
    place = Path(folders[0], "uploads", "group")
    place.mkdir(parents=True, exist_ok=True)
    (place / "logo.svg").write_bytes(SVG)
    (place / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    drawn, photo = (
        visitor().get("/uploads/group/logo.svg"),
        visitor().get("/uploads/group/logo.png"),
    )
    assert drawn.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in drawn.headers["Content-Security-Policy"]
    assert photo.status_code == 200
    assert "Content-Disposition" not in photo.headers or photo.headers[
        "Content-Disposition"
    ].startswith("inline")


def test_policy_adds_to_a_directive_that_forbids_all():
    policy = headers.policy(Settings(csp_extra={"object-src": ["https://a.example"]}))
    assert policy["object-src"] == "object-src https://a.example"


def test_cookies_are_kept_from_scripts_and_other_sites(log_in: Visitor):
    client = log_in("anne", remember=True)
    kept = {cookie.key: cookie for cookie in cookies_of(client)}
    assert set(kept) == {"ckan", "remember_token", "ecosphere_remember"}
    assert all(each.http_only and each.same_site == "Lax" for each in kept.values())
