"""Protection against abuse: rate limits in Redis, links, markup, the honeypot field,
files of a false type.
"""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import redis
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests.helpers import CKANTestApp
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.data_requests import attachments, config
from ckanext.ecosphere.data_requests.logic import validators
from ckanext.ecosphere.data_requests.model import Attachment
from ckanext.ecosphere.data_requests.tests.conftest import (
    REFUSAL,
    act,
    draft,
    opened,
    row,
    submitted,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.shared import rich_text
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.shared.web_guard import rate_limits

PDF = b"%PDF-1.7\n1 0 obj"


def upload(name: str, content: bytes) -> FileStorage:
    return FileStorage(io.BytesIO(content), filename=name)


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<a href='vbscript:x'>x</a>",
    "<iframe src=//evil.example></iframe>",
    "<style>*{display:none}</style>",
    "[x](//evil.example 'onmouseover=alert(1)')",
    "![x](https://evil.example/pixel.png)",
)


def test_markup_that_could_harm_is_gone(with_request_context: None):
    for hostile in HOSTILE:
        shown = rich_text.to_html(hostile).lower()
        for trace in (
            "<script",
            "<img",
            "<iframe",
            "<style",
            'href="javascript',
            'href="data',
            'href="vbscript',
        ):
            assert trace not in shown, hostile


def test_plain_markdown_is_shown_and_links_are_not_followed(with_request_context: None):
    shown = rich_text.to_html("**Important**\n\n- [voir](https://example.org)")
    assert "<strong>Important</strong>" in shown and "<li>" in shown
    assert 'rel="nofollow ugc noopener noreferrer"' in shown


def test_control_characters_and_line_ends_do_not_reach_a_title():
    assert one_line(" Eau\r\nBcc: x\x00\x1b[0m ") == "Eau Bcc: x[0m"


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("732 829 320 00074", True),
        ("73282932000075", False),
        ("35600000000048", True),
        ("35600000009075", True),
        ("1234", False),
        ("", True),
    ],
)
def test_a_siret_has_a_check_digit(number: str, good: bool):
    if good:
        assert validators.siret(number) == number.replace(" ", "")
    else:
        with pytest.raises(tk.Invalid):
            validators.siret(number)


@pytest.mark.usefixtures("portal")
def test_wrong_fields_are_named_with_what_to_do():
    wrong = {
        "theme": "magie",
        "territory": "Atlantide",
        "need_by": "demain",
        "communes": ["Saint-Étienne"],
        "bbox": [5, 46, 4],
        "requester_siret": "12",
        "description": "http://a http://b http://c http://d http://e http://f",
        "site_web": "http://spam.example",
        "visibility": "secret",
        "title": "x" * 301,
    }
    with pytest.raises(tk.ValidationError) as refused:
        act("create", "asker", **wrong)
    assert set(refused.value.error_dict) == set(wrong)


@pytest.mark.usefixtures("portal")
def test_labels_uris_and_objects_are_understood():
    made = draft(
        theme="Eau",
        territory="Loire",
        use="étude d'impact",
        communes=[{"code": "42218", "name": "Saint-Étienne"}],
    )
    assert (made["theme"], made["territory"], made["use"]) == (
        "eau",
        "departement-42",
        "impact-study",
    )
    assert made["communes"] == [{"code": "42218", "name": "Saint-Étienne"}]


@pytest.mark.usefixtures("portal")
def test_communes_are_those_of_the_registry_under_their_official_names():
    made = draft(communes=["2a004", "69381 Lyon 1er", {"code": "42218", "name": "Sainté"}])
    assert made["communes"] == [
        {"code": "2A004", "name": "Ajaccio"},
        {"code": "69381", "name": "Lyon 1er Arrondissement"},
        {"code": "42218", "name": "Saint-Étienne"},
    ]
    with pytest.raises(tk.ValidationError) as refused:
        draft(communes=["42218", "42999 Nulle-Part"])
    assert "42999" in str(refused.value.error_dict["communes"])


@pytest.mark.usefixtures("portal")
def test_a_person_makes_so_many_requests_a_day(ckan_config: Any, monkeypatch: pytest.MonkeyPatch):
    limited(ckan_config, monkeypatch, 2)
    draft()
    draft()
    with pytest.raises(tk.ValidationError) as refused:
        draft()
    message = str(refused.value.error_dict["message"])
    assert "Try again in" in message and "by post or e-mail" in message
    assert draft("friend")["id"]


def limited(ckan_config: Any, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Set the maximum number of requests in a day."""
    for name in ("requests_per_day", "most_requests_per_day"):
        monkeypatch.setitem(ckan_config, f"ecosphere.requests.{name}", number)


SHEET = {"address": "1 place de la Source\n42000 Ville", "email": "ddt@loire.example"}


@pytest.fixture
def with_sheet(portal: None) -> Iterator[None]:
    """A contact sheet of the service, for this test alone."""
    update = tk.get_action("ecosphere_contact_sheet_update")
    update({"user": "boss"}, {"id": "ddt-42", **SHEET})
    yield
    update({"user": "boss"}, {"id": "ddt-42", **dict.fromkeys(SHEET, "")})


@pytest.mark.usefixtures("with_sheet")
def test_requests_beyond_the_usual_number_wait_for_a_moderator_while_their_period_runs(
    app: CKANTestApp, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.requests_per_day", 2)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.most_requests_per_day", 4)
    opened()
    form = "/demandes/nouvelle?organization=ddt-42"
    assert "in the last 24 hours" not in visit(app, "asker", form).body
    assert submitted(title="Deuxième")["state"] == "open"
    page = visit(app, "asker", form).body
    assert "2 requests in the last 24 hours" in page and "a moderator reads the next ones" in page
    assert "1 place de la Source" in page and "ddt@loire.example" in page
    typed = {
        "title": "Troisième",
        "description": "Les contours.",
        "theme": "eau",
        "territory": "departement-42",
    }
    sent = visit(app, "asker", "/demandes/nouvelle", go="send", similar_seen="1", **typed)
    assert sent.status_code == 302, sent.body
    held = act("list", "asker", scope="mine")["results"][0]
    assert (held["title"], held["state"]) == ("Troisième", "submitted")
    first = act("list", "asker", scope="mine", q="Deuxième")["results"][0]
    assert held["due"] == first["due"] is not None
    assert [each["id"] for each in act("list", "moderator", scope="moderation")["results"]] == [
        held["id"]
    ]
    draft(title="Quatrième")
    page = visit(app, "asker", form).body
    assert "it takes the next one tomorrow" in page and "ddt@loire.example" in page


@pytest.mark.usefixtures("portal")
def test_an_address_sends_so_much_whoever_is_behind_it(
    app: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    limited(ckan_config, monkeypatch, 1)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.address_factor", 2)
    with app.flask_app.test_request_context(environ_overrides={"REMOTE_ADDR": "192.0.2.1"}):
        draft("friend")
        draft("stranger")
        with pytest.raises(tk.ValidationError):
            draft("member")
        assert draft("editor")["id"]  # members of services may share the IP address of their office
    with app.flask_app.test_request_context(environ_overrides={"REMOTE_ADDR": "192.0.2.2"}):
        assert draft("member")["id"]


@pytest.mark.usefixtures("portal")
def test_people_of_services_may_send_more(ckan_config: Any, monkeypatch: pytest.MonkeyPatch):
    limited(ckan_config, monkeypatch, 1)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.service_factor", 3)
    for _ in range(3):
        draft("editor")
    with pytest.raises(tk.ValidationError):
        draft("editor")


FORM = {"title": "Zones humides", "description": "Inventaire", "theme": "eau"}


def typed_forms() -> int:
    """Return the number of forms of anonymous users kept in Redis."""
    return len(
        list(connect_to_redis().scan_iter(f"ecosphere:requests:kept:{tk.config['ckan.site_id']}:*"))
    )


@pytest.mark.usefixtures("portal")
def test_forms_of_an_address_that_is_not_logged_in_are_kept_so_often(
    made_app: Any, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.forms_per_hour", 2)

    def send(address: str) -> Any:
        app = CKANTestApp(made_app)
        sent = {
            "data": FORM,
            "environ_overrides": {"REMOTE_ADDR": address},
            "follow_redirects": False,
        }
        return app.post("/fr/demandes/nouvelle", **sent)

    before = typed_forms()
    answers = [send("192.0.2.1") for _ in range(4)]
    assert [each.status_code for each in answers] == [302, 302, 429, 429]
    assert typed_forms() == before + 2
    assert "Inventaire" in answers[-1].body, "what was typed is shown again"
    assert send("192.0.2.2").status_code == 302


@pytest.mark.usefixtures("portal")
def test_so_many_forms_wait_for_a_log_in(made_app: Any, monkeypatch: Any):
    monkeypatch.setattr(forms, "MOST_FORMS", 2)
    before = typed_forms()
    app = CKANTestApp(made_app)
    sent = [app.post("/fr/demandes/nouvelle", data=FORM, follow_redirects=False) for _ in range(3)]
    assert [each.status_code for each in sent] == [302, 302, 302], "one session keeps one form"
    assert typed_forms() == before + 1
    others = [
        CKANTestApp(made_app).post("/en/demandes/nouvelle", data=FORM, follow_redirects=False)
        for _ in range(2)
    ]
    assert [each.status_code for each in others] == [302, 429]
    assert "cannot be kept at the moment" in others[-1].body
    assert typed_forms() == before + 2


@pytest.mark.usefixtures("portal")
def test_nothing_is_taken_while_nothing_can_be_counted(monkeypatch: pytest.MonkeyPatch):
    class Away:
        def hit(self, *_: Any) -> bool:
            raise redis.ConnectionError

    monkeypatch.setattr(rate_limits, "_limiter", Away)
    with pytest.raises(tk.ValidationError) as refused:
        draft()
    assert "Try again in a few minutes" in str(refused.value.error_dict["message"])


@pytest.mark.usefixtures("portal")
def test_comments_are_limited_too(ckan_config: Any, monkeypatch: pytest.MonkeyPatch):
    made = opened()
    monkeypatch.setitem(ckan_config, "ecosphere.requests.comments_per_hour", 1)
    act("comment", "friend", id=made["id"], text="Un")
    with pytest.raises(tk.ValidationError):
        act("comment", "friend", id=made["id"], text="Deux")
    assert row(made).comment_count == 1


@pytest.mark.usefixtures("portal")
def test_a_file_comes_with_a_comment_and_goes_to_its_readers(
    tmp_path: Path, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))
    made = opened()
    act(
        "comment", "editor", id=made["id"], text="Voici", upload=upload("../../Plan d’eau.PDF", PDF)
    )
    [file] = act("show", None, id=made["id"])["comments"][0]["attachments"]
    assert (file["name"], file["media_type"], file["size"]) == (
        "Plan d’eau.PDF",
        "application/pdf",
        len(PDF),
    )
    shown = act("attachment_show", None, id=file["id"])
    kept = Path(shown["path"])
    assert kept.read_bytes() == PDF and kept.is_relative_to(tmp_path) and "Plan" not in str(kept)
    act(
        "comment",
        "editor",
        id=made["id"],
        text="Interne",
        internal=True,
        upload=upload("note.txt", b"Note"),
    )
    note = act("show", "admin", id=made["id"])["comments"][1]["attachments"][0]
    for person in (None, "asker", "stranger"):
        with pytest.raises(tk.ObjectNotFound):
            act("attachment_show", person, id=note["id"])
    assert act("attachment_show", "moderator", id=note["id"])["name"] == "note.txt"


@pytest.mark.usefixtures("portal")
def test_over_the_api_nobody_learns_where_files_are(
    app: Any, tmp_path: Path, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))
    made = opened()
    act("comment", "editor", id=made["id"], text="Voici", upload=upload("a.pdf", PDF))
    [file] = act("show", None, id=made["id"])["comments"][0]["attachments"]
    answer = app.get(
        "/api/3/action/ecosphere_request_attachment_show", query_string={"id": file["id"]}
    )
    assert answer.json["result"]["name"] == "a.pdf" and str(tmp_path) not in answer.body


@pytest.mark.usefixtures("portal")
def test_files_that_are_not_welcome_leave_nothing_behind(
    tmp_path: Path, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))
    monkeypatch.setitem(ckan_config, config.ATTACHMENT_MEGABYTES, 1)
    made = opened()
    unwelcome = {
        "virus.exe": b"MZ",
        "page.html": b"<script>",
        "plan.pdf": b"MZ not a pdf",
        "plan.svg": b"<svg/>",
        "image.png": PDF,
        "data.csv": b"a;b\x00",
        "empty.txt": b"",
        "large.pdf": PDF + b"x" * 1024 * 1024,
        "pdf": PDF,
    }
    for name, content in unwelcome.items():
        with pytest.raises(tk.ValidationError) as refused:
            act("comment", "asker", id=made["id"], text="Voici", upload=upload(name, content))
        assert set(refused.value.error_dict) == {"upload"}, name
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert row(made).comment_count == 0 and model.Session.query(Attachment).count() == 0


@pytest.mark.usefixtures("portal")
def test_a_scanner_of_the_administrator_has_the_last_word(
    tmp_path: Path, ckan_config: Any, monkeypatch: Any
):
    script = tmp_path / "scan.py"
    script.write_text(
        "import pathlib, sys; sys.exit(b'EICAR' in pathlib.Path(sys.argv[1]).read_bytes())"
    )
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path / "storage"))
    monkeypatch.setitem(
        ckan_config, config.ATTACHMENT_SCANNER, shlex.join([sys.executable, str(script)])
    )
    attachments.discard([attachments.check(upload("a.txt", b"bien"))])
    with pytest.raises(tk.ValidationError, match="harmful"):
        attachments.check(upload("a.txt", b"EICAR"))
    monkeypatch.setitem(ckan_config, config.ATTACHMENT_SCANNER, "/nothing/here")
    with pytest.raises(tk.ValidationError, match="could not be checked"):
        attachments.check(upload("a.txt", b"bien"))
    assert [path for path in (tmp_path / "storage").rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("portal")
@pytest.mark.parametrize("value", ["maybe", ["true"], {"a": 1}, 7])
def test_what_is_neither_yes_nor_no_is_refused(value: Any):
    made = opened()
    with pytest.raises(tk.ValidationError, match="true or false"):
        act("comment", "editor", id=made["id"], text="Entre nous.", internal=value)
    with pytest.raises(tk.ValidationError, match="true or false"):
        act(
            "letter_preview",
            "admin",
            id=made["id"],
            transition="refuse",
            **{**REFUSAL, "emissions": value},
        )
    with pytest.raises(tk.ValidationError, match="true or false"):
        act("hide", "moderator", id=made["id"], hidden=value)
    assert not act("show", "editor", id=made["id"])["comments"]


@pytest.mark.usefixtures("portal")
@pytest.mark.parametrize(
    ("value", "internal"), [("on", True), ("Yes", True), (1, True), ("off", False), (None, False)]
)
def test_yes_and_no_are_read_as_forms_and_programs_write_them(value: Any, internal: bool):
    made = opened()
    act("comment", "editor", id=made["id"], text="Entre nous.", internal=value)
    assert [each["internal"] for each in act("show", "editor", id=made["id"])["comments"]] == [
        internal
    ]
