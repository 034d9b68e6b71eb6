"""Pages of the data requests for each user: status, contents, and no leak of private requests."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests import privacy
from ckanext.ecosphere.data_requests.tests.conftest import (
    DRAFT,
    REFUSAL,
    act,
    dataset,
    draft,
    opened,
    row,
    step,
    submitted,
)

pytestmark = pytest.mark.usefixtures("portal")

PERSONS = (None, "asker", "friend", "editor", "admin", "other-editor", "moderator", "boss")
LINK = re.compile(r'(?:href|action|src)="([^"#]*)')
PUBLIC = re.compile(
    r"/demandes(?!/(?:nouvelle|communes|jeux-de-donnees|ressemblances))|/dataset/zones-humides[^/]*$"
)
#: Texts that only the people concerned may read.
SECRETS = (
    "Carriere confidentielle",
    "secret.example",
    "Nom",
    "note très interne",
    "motif pour le demandeur",
)


_tokens: dict[tuple[str, str | None], str] = {}
"""API tokens by user id and password hash: a new password deletes those of its account."""


def visit(app: CKANTestApp, person: str | None, path: str, **form: Any) -> Any:
    """Request a page as a user, or post a form to it; redirects are not followed."""
    headers = {}
    if person:
        user = model.User.get(person)
        assert user is not None
        key = user.id, user.password
        _tokens[key] = _tokens.get(key) or factories.APIToken(user=person)["token"]
        headers["Authorization"] = _tokens[key]
    if form:
        return app.post(path, data=form, headers=headers, follow_redirects=False)
    return app.get(path, headers=headers, follow_redirects=False)


def status(app: CKANTestApp, person: str | None, path: str) -> str:
    """Return the status of a page, or "log in"."""
    answer = visit(app, person, path)
    if answer.status_code == 302 and "/user/login" in answer.headers["Location"]:
        return "log in"
    return str(answer.status_code)


def statuses(app: CKANTestApp, path: str) -> dict[str | None, str]:
    return {person: status(app, person, path) for person in PERSONS}


def everyone(answer: str, **others: str) -> dict[str | None, str]:
    """Return the expected answer by user: `answer`, except for those named;
    `nobody` stands for anonymous users.
    """
    names = {person or "nobody": person for person in PERSONS}
    found: dict[str | None, str] = dict.fromkeys(PERSONS, answer)
    return found | {names[name.replace("_", "-")]: other for name, other in others.items()}


def test_what_was_written_in_another_language_than_the_page_says_so(app: CKANTestApp):
    made = opened()
    row(made).language = "fr"
    model.Session.commit()
    for spoken, expected in (("en", "fr"), ("fr", None)):
        listed = BeautifulSoup(visit(app, None, f"/{spoken}/demandes").body, "html.parser")
        assert listed.select_one(".eco-req-item__title a").get("lang") == expected
        read = BeautifulSoup(
            visit(app, None, f"/{spoken}/demandes/{made['reference']}").body, "html.parser"
        )
        assert (
            read.h1.get("lang")
            == read.select_one("#description-title ~ .prose").get("lang")
            == expected
        )
        desk = BeautifulSoup(
            visit(app, "editor", f"/{spoken}/demandes/service/ddt-42").body, "html.parser"
        )
        assert desk.select_one(".eco-req-table--desk th[scope=row] a").get("lang") == expected


KNOWN = everyone("200", nobody="log in")
DESK = everyone("403", nobody="log in", editor="200", admin="200", boss="200")
MODERATORS = everyone("403", nobody="log in", moderator="200", boss="200")


#: Pages that are the same for all users: tested with three of them.
FOR_ALL = {
    "/demandes": "200",
    "/demandes?q=zones&state=open&theme=eau&territory=departement-42&sort=due&page=2": "200",
    "/demandes?theme=nonsense&organization=nonsense&state=nonsense&page=x&sort=x": "200",
    "/demandes/nouvelle?q=zones&theme=nonsense": "200",
    "/demandes/ressemblances?title=zones&theme=nonsense": "200",
    "/demandes/communes?q=bell": "200",
    "/demandes/jeux-de-donnees?q=zones": "200",
    "/demandes/statistiques?year=2026&organization=ddt-42": "200",
    "/demandes/statistiques?organization=nonsense": "404",
    "/demandes/statistiques.csv": "200",
    "/demandes/flux.atom?theme=eau&organization=ddt-42": "200",
    "/demandes/DD-1999-00001": "404",
    "/demandes/DD-1999-00001/flux.atom": "404",
}
FOR_SOME = {
    "/demandes/mes-demandes": KNOWN,
    "/demandes/notifications": KNOWN,
    "/demandes/preferences": KNOWN,
    "/demandes/mes-donnees.json": KNOWN,
    "/demandes/service/ddt-42": DESK,
    "/demandes/service/ddt-42?all=1": DESK,
    "/demandes/service/nonsense": everyone("404", nobody="log in"),
    "/demandes/moderation": MODERATORS,
    "/demandes/DD-1999-00001/start": everyone("404", nobody="log in"),
}


@pytest.mark.slow("personas")
def test_pages_are_for_those_whom_they_concern(app: CKANTestApp):
    opened()
    found = {
        path: {person: status(app, person, path) for person in (None, "friend", "boss")}
        for path in FOR_ALL
    }
    assert found == {
        path: dict.fromkeys((None, "friend", "boss"), answer) for path, answer in FOR_ALL.items()
    }
    assert {path: statuses(app, path) for path in FOR_SOME} == FOR_SOME


def test_a_private_request_exists_for_its_author_its_service_and_the_moderators_only(
    app: CKANTestApp,
):
    made = opened(visibility="private", title="Carrière confidentielle")
    at = f"/demandes/{made['reference']}"
    concerned = {"asker": "200", "editor": "200", "admin": "200", "moderator": "200", "boss": "200"}
    assert statuses(app, at) == everyone("404", **concerned)
    # Other URLs of the request answer 404 to strangers, and its feed, which is the same for all, to
    # everyone.
    assert {status(app, person, f"{at}/flux.atom") for person in (None, "asker", "boss")} == {"404"}
    assert status(app, "friend", f"/demandes/{made['id']}") == "404"
    for page in ("transfer", "modifier/quoi", "ressemblances", "lettre/inconnue"):
        found = [status(app, person, f"{at}/{page}") for person in (None, "friend", "other-editor")]
        assert found == ["log in", "404", "404"], page


def test_a_draft_exists_for_its_author_only(app: CKANTestApp):
    made = draft()
    assert statuses(app, f"/demandes/{made['id']}/modifier/quoi") == everyone(
        "404", nobody="log in", asker="200"
    )
    for page, own in (("", "302"), ("/modifier/envoi", "200"), ("/ressemblances", "200")):
        found = [
            status(app, person, f"/demandes/{made['id']}{page}")
            for person in ("asker", "friend", "boss")
        ]
        assert found == [own, "404", "404"], page


def test_nobody_acts_on_a_private_request_that_is_not_theirs(app: CKANTestApp):
    made = opened(visibility="private")
    for page in (
        "message",
        "soutenir",
        "suivre",
        "masquer",
        "indesirable",
        "start",
        "modifier/quoi",
    ):
        path = f"/demandes/{made['reference']}/{page}"
        for person in ("friend", "other-editor"):
            assert visit(app, person, path, text="x", version=made["version"]).status_code == 404, (
                person,
                page,
            )
        assert "/user/login" in visit(app, None, path, text="x").headers["Location"]
    assert row(made).version == made["version"]


def test_only_moderators_moderate(app: CKANTestApp):
    made = submitted()
    for page in ("masquer", "indesirable"):
        path = f"/demandes/{made['reference']}/{page}"
        assert visit(app, "asker", path, hidden="1").status_code == 403
        assert visit(app, "moderator", path, hidden="1").status_code == 302
    assert row(made).hidden
    assert row(made).state == "rejected"


def the_portal_has_seen_everything() -> list[dict[str, Any]]:
    """Requests of every kind, with contents that must not leak."""
    data = dataset()
    public = opened(title="Zones humides publiques")
    act("comment", "friend", id=public["id"], text="La même donnée")
    act("comment", "editor", id=public["id"], text="Une note très interne", internal=True)
    act("support", "friend", id=public["id"])
    answered = step(
        opened(title="Aléa répondu"),
        "fulfil",
        "editor",
        datasets=[data["name"]],
        note="note très interne",
    )
    refused = opened(title="Bruit refusé")
    refused = step(refused, "refuse", "admin", **REFUSAL)
    private = opened(visibility="private", title="Carriere confidentielle")
    step(private, "fulfil", "editor", datasets=[data["name"]])
    draft(title="Carriere confidentielle en brouillon")
    submitted("stranger", title="Carriere confidentielle non lue", visibility="private")
    return [public, answered, refused]


@pytest.mark.slow("personas")
def test_a_crawl_as_nobody_finds_no_private_request_no_name_and_no_address(app: CKANTestApp):
    public = the_portal_has_seen_everything()
    seen: dict[str, str] = {}
    waiting = [
        "/demandes",
        "/demandes/statistiques",
        "/fr/demandes",
        "/dataset/",
        "/organization/ddt-42",
    ]
    waiting += [f"/api/3/action/ecosphere_request_{name}" for name in ("list", "stats")]
    waiting += [f"/api/3/action/ecosphere_request_show?id={each['reference']}" for each in public]
    waiting += [
        "/demandes?q=carriere",
        "/api/3/action/ecosphere_request_similar?title=carriere+confidentielle",
    ]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        answer = visit(app, None, path)
        assert answer.status_code < 500, path
        seen[path] = answer.body
        for link in LINK.findall(answer.body):
            parts = urlsplit(html.unescape(link))
            local = parts.netloc in ("", "test.ckan.net")
            # Follow links with one filter at a time: combinations of filters are endless.
            if local and PUBLIC.match(parts.path) and parts.query.count("&") == 0:
                waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    assert len(seen) > 20
    assert all(any(each["reference"] in body for body in seen.values()) for each in public)
    leaks = {
        path: secret
        for path, body in seen.items()
        for secret in SECRETS
        if re.search(rf"\b{re.escape(secret)}\b", body)
    }
    assert leaks == {}


def test_what_follows_a_service_or_a_dataset_shows_public_requests_only(app: CKANTestApp):
    data = dataset()
    public, private = (
        opened(title="Demande visible"),
        opened(visibility="private", title="Demande cachée"),
    )
    for each in (public, private):
        step(each, "fulfil", "editor", datasets=[data["name"]])
    opened(title="Demande ouverte sur ce jeu", known_datasets=[data["name"]])
    feed = visit(app, "asker", "/demandes/flux.atom?organization=ddt-42&theme=eau")
    assert feed.content_type.startswith("application/atom+xml")
    assert "DDT 42" in feed.body
    for page in (feed.body, visit(app, None, f"/dataset/{data['name']}").body):
        assert "Demande visible" in page and "Demande ouverte sur ce jeu" in page
        assert "Demande cachée" not in page


def test_an_empty_search_and_a_search_with_results_lead_to_a_form_that_is_filled(app: CKANTestApp):
    dataset(title="Zones humides du Forez")
    empty = visit(
        app, None, "/dataset/?q=introuvable&vocab_ecosphere_territory=departement-42"
    ).body
    [link] = set(re.findall(r'href="([^"]*/demandes/nouvelle\?[^"]*)"', empty))
    form = visit(app, None, html.unescape(link)).body
    assert 'value="introuvable"' in form and 'value="departement-42"' in form
    some = visit(app, None, "/dataset/?q=zones+humides").body
    assert re.search(r'href="[^"]*/demandes/nouvelle\?title=zones(\+|%20)humides"', some)


def test_errors_of_the_form_lead_to_their_fields_and_what_was_typed_is_kept(app: CKANTestApp):
    machine = visit(
        app, "asker", "/demandes/nouvelle", title="Achetez", site_web="https://spam.example"
    )
    assert machine.status_code == 400
    assert act("list", "asker", scope="mine")["count"] == 0

    made = act("create", "asker", title="Presque rien")
    path = f"/demandes/{made['id']}/modifier"
    wrong = visit(
        app,
        "asker",
        f"{path}/territoire",
        where="communes",
        communes="Trifouillis",
        version=made["version"],
    )
    assert wrong.status_code == 400
    assert 'href="#field-communes"' in wrong.body and 'id="field-communes-error"' in wrong.body
    assert (
        "Trifouillis" in wrong.body
        and 'id="where-communes" name="where" value="communes" checked' in wrong.body
    )

    sent = visit(
        app, "asker", f"{path}/envoi", visibility="public", go="send", version=row(made).version
    )
    assert sent.status_code == 400
    for step_, field in (("quoi", "description"), ("territoire", "territory")):
        assert f"{path}/{step_}#field-{field}" in sent.body
    assert row(made).state == "draft"


def test_a_person_who_comes_too_late_sees_what_changed_and_keeps_what_was_typed(app: CKANTestApp):
    made = opened()
    act("comment", "asker", id=made["id"], text="Bonjour")
    step(made, "start", "admin", planned=act("show", "admin", id=made["id"])["due"])
    path = f"/demandes/{made['reference']}/ask_details"
    typed = {"question": "Quelle emprise ?", "answer_by": "2099-01-01", "version": made["version"]}
    answer = visit(app, "editor", path, **typed)
    assert answer.status_code == 409
    assert "Quelle emprise ?" in answer.body and "Work begun" in answer.body
    assert f'name="version" value="{row(made).version}"' in answer.body
    assert row(made).state == "in_progress"

    step(made, "withdraw", "asker")
    answer = visit(app, "editor", path, **typed)
    assert answer.status_code == 409
    assert "Quelle emprise ?" in answer.body


def test_whoever_types_the_address_of_a_step_for_others_reads_whose_it_is(app: CKANTestApp):
    path = f"/demandes/{opened()['id']}/refuse"
    assert "This is for others to do" in visit(app, "editor", path).body
    assert "in the present state" in visit(app, "editor", path.replace("refuse", "reopen")).body


def test_whoever_reads_a_request_has_seen_what_they_were_told_of_it(app: CKANTestApp):
    first, second = opened(), opened(title="Frayères")
    before = act("notification_list", "asker")["unseen"]
    visit(app, "asker", f"/demandes/{first['reference']}")
    left = act("notification_list", "asker")
    assert 0 < left["unseen"] < before
    assert {each["request"]["id"] for each in left["results"] if not each["seen"]} == {second["id"]}
    news = visit(app, "asker", "/dashboard/").body
    assert second["reference"] in news and first["reference"] not in news


def test_the_author_of_a_late_request_learns_where_to_turn(app: CKANTestApp):
    made = opened()
    late = row(made)
    late.due = late.first_month_ends = date(2020, 1, 1)
    model.Session.commit()
    pages = {
        person: visit(app, person, f"/demandes/{made['reference']}").body
        for person in ("asker", "friend")
    }
    assert {person: "R. 311-12" in body for person, body in pages.items()} == {
        "asker": True,
        "friend": False,
    }


def test_a_closed_request_has_no_empty_card_about_time(app: CKANTestApp):
    request = opened()
    step(request, "start", "editor", planned=date.today().isoformat())
    path = f"/fr/demandes/{request['reference']}"
    assert "clock-title" in visit(app, "asker", path).body
    step(request, "refuse", "admin", **REFUSAL)
    assert "clock-title" not in visit(app, "asker", path).body


def test_supporting_instead_of_asking_gives_the_draft_up(app: CKANTestApp):
    made, mine = opened(), draft("friend")
    answer = visit(app, "friend", f"/demandes/{made['reference']}/soutenir", draft=mine["id"])
    assert answer.headers["Location"].endswith(made["reference"])
    assert row(made).support_count == 1
    assert row(mine).state == "withdrawn"


def test_several_requests_are_assigned_at_once(app: CKANTestApp):
    first, second, other = opened(), opened(), opened("friend", service="dreal-ara")
    ids = [first["id"], second["id"], other["id"]]
    visit(app, "editor", "/demandes/service/ddt-42/affecter", ids=ids, user="admin")
    assert [row(each).assigned_to is not None for each in (first, second, other)] == [
        True,
        True,
        False,
    ]


def test_a_message_cannot_carry_a_script(app: CKANTestApp):
    made = opened()
    hostile = "<script>alert(1)</script> [lien](javascript:alert(1)) <img src=x onerror=alert(1)>"
    visit(app, "friend", f"/demandes/{made['reference']}/message", text=hostile)
    page = visit(app, None, f"/demandes/{made['reference']}").body
    assert "alert(1)</script>" not in page
    assert (
        "onerror=" not in page.replace("&lt;img src=x onerror=", "")
        and 'href="javascript:' not in page
    )


def test_what_is_asked_on_the_page_of_a_service_goes_to_it(app: CKANTestApp):
    dataset()
    body = html.unescape(visit(app, None, "/organization/ddt-42").body)
    assert (
        "/demandes/nouvelle?organization=ddt-42" in body
        and "/recherche.atom?organization=ddt-42" in body
    )
    assert (
        "/demandes/nouvelle?organization=ddt-42"
        in visit(app, None, "/organization/ddt-42/demandes").body
    )
    page = visit(app, "asker", "/demandes/nouvelle?organization=ddt-42").body
    assert (
        re.search(r'name="organization" value="ddt-42"[^>]*checked', page)
        and "Ask this service: DDT 42" in page
    )
    assert re.search(r'<option value="departement-42" selected', page), "its territory"
    assert (
        'name="organization"'
        not in visit(app, "asker", "/demandes/nouvelle?organization=nonsense").body
    )
    fields = {
        "title": "Frayères",
        "description": "L’inventaire des frayères.",
        "theme": "eau",
        "similar_shown": "1",
    }
    visit(
        app,
        "asker",
        "/demandes/nouvelle",
        organization="ddt-42",
        territory="departement-01",
        **fields,
    )
    (made,) = act("list", "asker", scope="mine")["results"]
    assert "DDT 42" in visit(app, "asker", f"/demandes/{made['id']}/modifier/envoi").body
    sent = step(made, "submit", "asker", similar_seen=True)
    assert (
        sent["organization"]["name"] == "ddt-42"
        and sent["routing_reason"] == "Chosen by the requester."
    )
    visit(
        app, "friend", "/demandes/nouvelle", territory="departement-42", **fields
    )  # checkbox not ticked
    (other,) = act("list", "friend", scope="mine")["results"]
    assert other["organization"] is None


def test_the_page_of_a_topic_proposes_its_theme_and_its_feed(app: CKANTestApp):
    topic = factories.Group(name="eau", title="Eau")
    within, without = (
        dataset(title="Zones humides du Pilat", groups=[{"name": "eau"}]),
        dataset(title="Haies"),
    )
    page = html.unescape(visit(app, None, "/group/eau").body)
    assert "/demandes/nouvelle?theme=eau" in page and "/recherche.atom?groups=eau" in page
    feed = visit(app, None, "/recherche.atom?groups=eau").body
    assert within["title"] in feed and without["title"] not in feed
    model.Group.get(topic["id"]).purge()  # pyright: ignore[reportOptionalMemberAccess]
    model.Session.commit()


def test_communes_say_their_departement(app: CKANTestApp):
    made = draft(territory="", communes=["33067"])
    assert (
        "Bourg – Gironde (33067)"
        in visit(app, "asker", f"/demandes/{made['id']}/modifier/envoi").body
    )
    made = draft(territory="departement-01")
    page = html.unescape(visit(app, "asker", f"/demandes/{made['id']}/modifier/territoire").body)
    assert "/demandes/communes?territory=departement-01" in page
    items = visit(app, "asker", "/demandes/communes?q=bourg&territory=departement-01").json["items"]
    assert items[0] == {"value": "01053", "label": "Bourg-en-Bresse – Ain (01053)"}


def faults(page: Any) -> list[str]:
    """Return the fields to which the error summary links, in order."""
    return re.findall(r'<a href="[^"]*#field-([a-z_]+)">', page.body)


def test_each_step_refuses_what_it_asks_for(app: CKANTestApp):
    for person in ("asker", None):
        page = visit(app, person, "/demandes/nouvelle", title="Zones humides", go="next")
        assert page.status_code == 400 and faults(page) == ["description", "theme"]
        assert 'value="Zones humides"' in page.body and 'id="field-theme-error"' in page.body
    page = visit(app, "asker", "/demandes/nouvelle", title="", go="send")
    assert faults(page) == ["title", "description", "theme", "territory"]
    assert act("list", "asker", scope="mine")["count"] == 0
    answer = visit(app, "asker", "/demandes/nouvelle", title="Zones humides", go="later")
    assert answer.headers["Location"].endswith("/demandes/mes-demandes"), (
        "kept as a draft, since that was asked"
    )
    (made,) = act("list", "asker", scope="mine")["results"]
    at = f"/demandes/{made['id']}/modifier"
    past, wrong = (
        {"need_by": "2020-01-02"},
        {"period_start": "2026-01-01", "period_end": "2020-01-01"},
    )
    page = visit(app, "asker", f"{at}/delais", version=1, go="next", **past, **wrong)
    assert page.status_code == 400 and faults(page) == ["need_by", "period_end"]
    assert (
        visit(
            app, "asker", f"{at}/delais", version=row(made).version, go="previous", **past
        ).status_code
        == 302
    )
    page = visit(
        app,
        "asker",
        f"{at}/quoi",
        version=row(made).version,
        title="Zones",
        description="",
        go="next",
    )
    assert faults(page) == ["description", "theme"] and row(made).title == "Zones"


def test_day_that_has_passed_is_not_sent(app: CKANTestApp):
    made = draft(need_by="2020-01-02")
    page = visit(
        app,
        "asker",
        f"/demandes/{made['id']}/modifier/envoi",
        version=1,
        visibility="public",
        go="send",
    )
    assert page.status_code == 400 and faults(page) == ["need_by"] and row(made).state == "draft"
    sent = opened(title="Frayères", need_by="2999-01-02")
    row(sent).need_by = date(2020, 1, 2)
    model.Session.commit()
    act("update", "asker", id=sent["id"], version=row(sent).version, crs="Lambert 93")
    with pytest.raises(tk.ValidationError, match="has passed"):
        act("update", "asker", id=sent["id"], version=row(sent).version, need_by="2020-01-03")


def test_preferences_lead_to_the_end_of_an_account(app: CKANTestApp):
    assert (
        '<a href="/compte/fermer">Close my account</a>'
        in visit(app, "asker", "/demandes/preferences").body
    )


def test_what_is_shown_while_typing_is_of_the_place_of_the_draft(app: CKANTestApp):
    here = dataset(title="Landes tourbeuses de Marlhes", territory=["departement-42"])
    elsewhere = dataset(title="Landes tourbeuses du Cantal", territory=["departement-15"])
    made = draft(territory="", communes=["42139"])
    address = "/demandes/ressemblances?title=landes+tourbeuses"
    for path, shown in (
        (f"{address}&draft={made['id']}", False),
        (f"{address}&draft=no", True),
        (address, True),
    ):
        body = visit(app, "asker", path).body
        assert here["title"] in body and (elsewhere["title"] in body) == shown, path
    other = visit(app, "asker", f"{address}&territory=departement-01&organization=ddt-42").body
    assert here["title"] not in other, "of the service that is asked, of another place all the same"
    form = visit(
        app, "editor", f"/demandes/{opened(title='Landes tourbeuses')['reference']}/fulfil"
    ).body
    assert here["title"] in form and elsewhere["title"] not in form


@pytest.mark.parametrize("title", ["🌊🌊🌊", "…", "?!"])
def test_a_title_is_made_of_words(app: CKANTestApp, title: str):
    form = {**DRAFT, "title": title, "show_procedure": ""}
    for go in ("next", "send"):
        page = visit(app, "asker", "/demandes/nouvelle", **form, go=go)
        assert page.status_code == 400 and faults(page) == ["title"]
        assert "neither a letter nor a figure" in page.body
    kept = draft(title=title)
    with pytest.raises(tk.ValidationError, match="neither a letter nor a figure"):
        step(kept, "submit", "asker", similar_seen=True)


def came_from(app: CKANTestApp, path: str, before: str = "") -> str:
    answer = app.post(
        path,
        data={"text": "x"},
        headers={"Referer": before} if before else {},
        follow_redirects=False,
    )
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["Location"]).query)["came_from"][0]


def test_who_has_to_log_in_again_comes_back_to_the_page_with_the_form(app: CKANTestApp):
    made = opened()
    page, site = f"/demandes/{made['reference']}", "http://test.ckan.net"
    assert came_from(app, f"{page}/message", f"{site}{page}?page=2") == f"{page}?page=2"
    assert came_from(app, f"{page}/message", f"{site}/fr{page}") == f"/fr{page}"
    assert came_from(app, f"{page}/message") == page
    assert came_from(app, f"{page}/withdraw") == page
    assert (
        came_from(app, "/demandes/preferences", f"{site}/demandes/preferences")
        == "/demandes/preferences"
    )
    # URLs that accept POST only, and external URLs.
    assert came_from(app, f"{page}/message", f"{site}{page}/message") == page
    for other in ("https://elsewhere.example/x", "http://[", f"{site}//elsewhere.example/x"):
        assert came_from(app, "/demandes/notifications", other) == "/demandes"
    assert (
        came_from(app, "/demandes/nouveau-calendrier", "https://elsewhere.example/") == "/demandes"
    )


def test_only_a_moderator_reopens_what_was_closed_long_ago(app: CKANTestApp):
    made = step(
        opened(),
        "not_held",
        "admin",
        reason="Aucune pièce de nos archives ne porte sur les zones demandées, vérification faite en mairie.",
    )
    request = row(made)
    request.closed -= timedelta(days=90)
    model.Session.commit()
    at, fields = (
        f"/demandes/{made['reference']}/reopen",
        {"reason": "Avis de la CADA.", "version": request.version},
    )
    for person in (None, "stranger", "editor", "admin", "asker"):
        visit(app, person, at, **fields)
        assert row(made).state == "not_held", person
    assert visit(app, "moderator", at, **fields).status_code == 302
    assert row(made).state == "open"
    assert visit(app, "asker", f"/demandes/{made['reference']}").status_code == 200


def test_not_even_a_moderator_reopens_what_was_anonymised(app: CKANTestApp):
    made = step(opened(), "fulfil", "editor", datasets=[dataset()["id"]])
    privacy.anonymise(row(made))
    model.Session.commit()
    fields = {"reason": "Avis de la CADA.", "version": row(made).version}
    visit(app, "moderator", f"/demandes/{made['reference']}/reopen", **fields)
    assert row(made).state == "fulfilled"
    assert visit(app, "moderator", f"/demandes/{made['reference']}").status_code == 200
