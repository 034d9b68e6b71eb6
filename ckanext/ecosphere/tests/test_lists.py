"""Lists that administrators edit on the portal's pages: terms and synonyms of the search.

And the journal.
"""

from __future__ import annotations

import re
import time
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import journal, lists
from ckanext.ecosphere.core.journal import JournalEntry, LocalValue
from ckanext.ecosphere.search import setup
from ckanext.ecosphere.search.relevance import words
from ckanext.ecosphere.search.tests.conftest import give_french
from ckanext.ecosphere.tests import plans
from ckanext.ecosphere.tests.browser import axe_violations, log_in
from ckanext.ecosphere.vocabularies import local

PASSWORD = "un mot de passe de test"
MOST_SECONDS = 120
"""From the log-in of an administrator to a search that finds a
dataset by the synonym of a new term.
"""
ADMIN = "/ecosphere/admin"
REFRESHED = 'http-equiv="refresh"'
TERM = {
    "label_fr": "Sobriété foncière",
    "label_en": "Land sobriety",
    "alt_labels": "zorglub\nzéro artif",
}


@pytest.fixture
def portal(with_plugins: None, clean_db: None, clean_index: None) -> Any:
    """A portal with a sysadmin, and the French schema in Solr.

    Changes of lists are reverted afterwards.
    """
    give_french(setup.solr())
    local.look(now=True)
    connect_to_redis().delete(lists._key("counts"), lists._key("progress"))
    boss = factories.Sysadmin(
        name="boss", password=PASSWORD, image_url="", fullname="Camille Martin"
    )
    factories.Organization(name="dreal")
    yield boss
    local.apply({})
    lists._state_read[0] = None


@pytest.fixture
def send(app: Any, portal: Any) -> Any:
    """Request a page or submit a form as the sysadmin; return the answer."""
    token = {"Authorization": factories.APIToken(user="boss")["token"]}

    def sent(address: str, form: dict[str, Any] | None = None, **options: Any) -> Any:
        options = {"headers": token, "follow_redirects": False, **options}
        return (
            app.get(address, **options) if form is None else app.post(address, data=form, **options)
        )

    return sent


def work() -> None:
    """Run the jobs queued for the portal."""
    jobs.Worker().work(burst=True)


def results(query: str) -> list[str]:
    """Return the names of the datasets that a search finds."""
    answer = tk.get_action("package_search")({"user": ""}, {"q": query})
    return [each["name"] for each in answer["results"]]


def test_a_term_with_its_synonym_is_offered_kept_and_found(send):
    assert send(f"{ADMIN}/vocabulaires/themes/nouveau", TERM).status_code == 302
    theme = voc.get("themes")["sobriete-fonciere"]
    assert theme.uri == "urn:ecosphere:themes:sobriete-fonciere"
    assert any(
        each["value"] == theme.uri
        for each in tk.h.ecosphere_concept_choices({"vocabulary": "themes"})
    )
    factories.Dataset(owner_org="dreal", name="friches", title="Friches", theme=[theme.uri])
    assert results("zorglub") == ["friches"]
    assert results("sobriété foncière") == ["friches"]
    assert "Sobriété foncière" in send("/fr/dataset/?vocab_ecosphere_theme=sobriete-fonciere").body
    assert "en cours de calcul" in send(f"/fr{ADMIN}/vocabulaires/themes").body
    work()
    page = send(f"/fr{ADMIN}/vocabulaires/themes?q=zorglub").body
    assert "ajouté ici" in page and "vocab_ecosphere_theme=sobriete-fonciere" in page


@pytest.mark.slow("variants")
def test_a_new_name_reaches_the_index_and_the_former_one_stays_a_synonym(send):
    forets = voc.get("themes").concepts[-1]
    factories.Dataset(owner_org="dreal", name="massifs", title="Massifs", theme=[forets.uri])
    form = {
        "label_fr": "Sylvosphère",
        "label_en": "Sylvosphere",
        "alt_labels": "",
        "broader": forets.broader or "",
    }
    assert send(f"{ADMIN}/vocabulaires/themes/{forets.id}", form).status_code == 302
    assert voc.get("themes")[forets.id].label_fr == "Sylvosphère"
    assert voc.get("themes").find(forets.label_fr).uri == forets.uri
    assert results("sylvosphère") == []
    work()
    assert results("sylvosphère") == ["massifs"]
    assert lists.progress() is None


def test_a_withdrawn_term_stays_with_its_datasets_and_is_offered_no_longer(send):
    eau = voc.get("themes")["eau"]
    factories.Dataset(owner_org="dreal", name="nappes", title="Nappes", theme=[eau.uri])
    form = {
        "label_fr": eau.label_fr,
        "label_en": eau.label_en,
        "withdrawn": "yes",
        "replaced_by": "dechets",
    }
    other = next(each for each in voc.get("themes") if eau.uri not in {each.uri, each.broader})
    send(f"{ADMIN}/vocabulaires/themes/eau", {**form, "replaced_by": other.id})
    assert not any(
        each["value"] == eau.uri
        for each in tk.h.ecosphere_concept_choices({"vocabulary": "themes"})
    )
    tk.get_action("package_patch")({"user": "boss"}, {"id": "nappes", "title": "Nappes d'eau"})
    assert tk.get_action("package_show")({"user": "boss"}, {"id": "nappes"})["theme"] == [eau.uri]
    assert voc.get("themes").find(eau.label_fr).uri == other.uri
    send(f"{ADMIN}/journal/{_last().id}/annuler", {})
    assert any(
        each["value"] == eau.uri
        for each in tk.h.ecosphere_concept_choices({"vocabulary": "themes"})
    )


WRONG_TERMS = [
    ({"label_fr": ""}, "Donnez un nom"),
    ({"label_fr": "x" * 151}, "Trop long"),
    ({"label_fr": "x" * 1_000_000}, "Trop long"),
    ({"label_fr": "<script>alert(1)</script>"}, "aucun de ces signes"),
    ({"label_fr": "eau"}, "Un autre terme"),
    ({"label_en": "???"}, "Donnez un nom"),
    ({"alt_labels": "y" * 101}, "Un synonyme"),
    ({"alt_labels": ";".join(map(str, range(41)))}, "synonymes"),
    ({"broader": "urn:nothing"}, "Cette liste n"),
    ({"uri": "javascript:alert(1)"}, "Donnez une adresse"),
    (
        {
            "uri": "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres/eau"
        },
        "cette adresse",
    ),
]


def test_what_is_no_term_is_refused_with_a_sentence(send):
    for form, sentence in WRONG_TERMS:
        answer = send(f"/fr{ADMIN}/vocabulaires/themes/nouveau", {**TERM, **form}, status=400)
        assert sentence in answer.body, form
        assert "<script>alert" not in answer.body
    assert model.Session.query(LocalValue).count() == 0


@pytest.mark.slow("values")
def test_a_term_never_stands_below_itself(send):
    parent = next(each for each in voc.get("themes") if voc.get("themes").children(each.uri))
    child = voc.get("themes").children(parent.uri)[0]
    form = {"label_fr": parent.label_fr, "label_en": parent.label_en, "broader": child.uri}
    assert (
        "sous lui-même"
        in send(f"/fr{ADMIN}/vocabulaires/themes/{parent.id}", form, status=400).body
    )


@pytest.mark.slow("values")
def test_lists_of_others_take_synonyms_and_nothing_else(send):
    access = next(iter(voc.get("access-right")))
    form = {
        "label_fr": access.label_fr,
        "label_en": access.label_en,
        "alt_labels": "zorglub",
        "withdrawn": "yes",
    }
    assert send(f"{ADMIN}/vocabulaires/access-right/{access.id}", form).status_code == 302
    changed = voc.get("access-right")[access.id]
    assert changed.alt_labels[:1] == ("zorglub",) and not changed.data["withdrawn"]
    assert send(f"{ADMIN}/vocabulaires/access-right/nouveau", status=404)
    assert send(f"{ADMIN}/vocabulaires/territories", status=404)
    assert send(f"{ADMIN}/vocabulaires/..%2f..%2fetc", status=404)


@pytest.mark.slow("load")
def test_another_process_knows_within_two_seconds(portal):
    lists.store(
        "search:everyday", "a", {"asked": ["zorglub"], "called": ["haie"], "both": False}, None
    )
    local.apply({})  # as in a process that did not make the change
    lists._state_read[0] = None
    local._state.due = time.monotonic() + 0.2
    assert "zorglub" not in words.expressions()
    time.sleep(0.3)
    assert "zorglub" in words.expressions()


def test_words_are_tried_on_searches_of_the_editor_before_they_are_in_force(send):
    factories.Dataset(owner_org="dreal", name="haies", title="Haies bocagères")
    form = {
        "asked": "zorglub",
        "called": "haies",
        "both": "yes",
        "searches": "zorglub\n\nhaies",
        "do": "try",
    }
    address = re.sub("^https?://[^/]+", "", send(f"{ADMIN}/recherche", form).headers["Location"])
    waiting = send(f"/fr{address}").body
    assert "Voir le résultat" in waiting and REFRESHED in waiting
    work()
    assert results("zorglub") == []
    page = send(f"/fr{address}").body
    assert REFRESHED not in page
    assert page.count("Haies bocagères") == 1 and page.count("pas de changement") == 1
    assert ">zorglub</textarea>" in page and ">haies</textarea>" in page
    send(f"{ADMIN}/recherche", {**form, "do": "save"})
    assert results("zorglub") == ["haies"]
    send(f"{ADMIN}/journal/{_last().id}/annuler", {})
    assert results("zorglub") == []
    assert send(f"{ADMIN}/recherche?trial=unknown", status=404)


@pytest.mark.slow("variants")
def test_without_searches_a_line_is_tried_on_its_own_words(send):
    factories.Dataset(owner_org="dreal", name="haies", title="Haies bocagères")
    form = {"asked": "zorglub", "called": "haies", "do": "try"}
    address = re.sub("^https?://[^/]+", "", send(f"{ADMIN}/recherche", form).headers["Location"])
    work()
    assert ">zorglub\nhaies</textarea>" in send(f"/fr{address}").body


@pytest.mark.slow("variants")
def test_a_line_is_changed_and_taken_away(send):
    factories.Dataset(owner_org="dreal", name="haies", title="Haies bocagères")
    send(f"{ADMIN}/recherche", {"asked": "zorglub", "called": "friches"})
    (key,) = local.of(words.EVERYDAY)
    page = send(f"/fr{ADMIN}/recherche?line={key}").body
    assert f'value="{key}"' in page and ">friches</textarea>" in page
    send(f"{ADMIN}/recherche", {"key": key, "asked": "zorglub", "called": "haies"})
    assert list(local.of(words.EVERYDAY)) == [key] and results("zorglub") == ["haies"]
    send(f"{ADMIN}/recherche/retirer", {"key": key})
    assert results("zorglub") == [] and not local.of(words.EVERYDAY)
    for form in (
        {"key": key, "asked": "zorglub", "called": "haies"},
        {"key": "x", "asked": "a", "called": "b"},
    ):
        assert send(f"{ADMIN}/recherche", form, status=404)
    assert send(f"{ADMIN}/recherche/retirer", {"key": key}, status=404)
    assert send(f"{ADMIN}/recherche?line={key}", status=404)


WRONG_LINES = [
    ({"asked": ""}, "Donnez au moins"),
    ({"asked": "de la"}, "aucun mot"),
    ({"called": "zorglub"}, "mêmes mots"),
    ({"called": 'haie") OR (*:*'}, "ne sont pas des mots"),
    ({"asked": "\n".join(f"mot{number}" for number in range(13))}, "au plus"),
    ({"asked": "a" * 400_000}, "Trop long"),
    ({"asked": "a" * 81}, "caractères au plus"),
    ({"asked": "a\n" * 2_000}, "Trop long"),
    ({"searches": "\n".join(f"eau {number}" for number in range(11))}, "10 recherches au plus"),
    ({"searches": "a" * 201}, "Trop long"),
]


@pytest.mark.slow("values")
def test_what_is_no_line_is_refused_with_a_sentence(send):
    for form, sentence in WRONG_LINES:
        line = {"asked": "zorglub", "called": "haie", "do": "save", **form}
        assert sentence in send(f"/fr{ADMIN}/recherche", line, status=400).body, form
    assert not local.of(words.EVERYDAY)


@pytest.mark.slow("load")
def test_the_journal_asks_for_the_titles_of_its_entries_together(send):
    def asked() -> int:
        with plans.asked() as statements:
            assert send(f"/fr{ADMIN}/journal").status_code == 200
        return len(statements)

    def join(number: int) -> None:
        agent, service = (
            factories.User(fullname=f"Agent {number}"),
            factories.Organization(title=f"DDT {number}"),
        )
        change = {"id": service["id"], "username": agent["name"], "role": "editor"}
        tk.get_action("organization_member_create")({"user": "boss", "ignore_auth": True}, change)

    join(0)
    asked()
    few = asked()
    for number in range(1, 8):
        join(number)
    assert asked() == few
    page = send(f"/fr{ADMIN}/journal").body
    assert all(f"DDT {number} – Agent {number}" in page for number in range(8))


def test_the_journal_says_who_changed_what_and_is_not_rewritten(send):
    service = factories.Organization(name="ddt", title="DDT de l'Ain")
    member = factories.User(name="agent", fullname="Dominique Petit")
    change = {"id": service["id"], "username": "agent", "role": "editor"}
    tk.get_action("organization_member_create")({"user": "boss", "ignore_auth": True}, change)
    send("/api/action/config_option_update", {"ckan.site_title": "Guichet"})
    send("/organization/ddt/contact", {"email": "ddt@ain.gouv.fr"})
    send(f"{ADMIN}/vocabulaires/themes/nouveau", {**TERM, "alt_labels": "=cmd()"})
    entries = model.Session.query(JournalEntry).all()
    assert ("role:organization", f"{service['id']}/{member['id']}") in {
        (each.area, each.key) for each in entries
    }
    page = send(f"/fr{ADMIN}/journal").body
    for part in (
        "Camille Martin",
        "DDT de l&#39;Ain – Dominique Petit",
        "ddt@ain.gouv.fr",
        "Guichet",
        "Titre du site",
        "Sobriété foncière",
    ):
        assert part in page
    assert "ckan.site_title" not in page
    assert "ddt@ain" not in send(f"/fr{ADMIN}/journal?kind=roles").body
    table = send(f"{ADMIN}/journal.csv").body
    assert "Camille Martin" in table and table.startswith("\ufeff")
    assert "DDT de l'Ain – Dominique Petit" in table
    assert (
        "Site Title" in table
        and ";Role: Editor" in table
        and "ckan.site_title" not in table
        and "{" not in table
    )
    with pytest.raises(sa.exc.DBAPIError, match="not rewritten"):
        model.Session.execute(sa.update(JournalEntry).values(person="somebody"))
    model.Session.rollback()


def test_what_the_portal_notes_for_itself_is_no_setting(portal):
    before = journal.count()
    model.set_system_info("ecosphere.search.popularity_day", "2026-11-28")
    model.Session.commit()
    assert journal.count() == before


def test_roles_given_by_whatever_way_are_noted(portal):
    user = factories.User(name="agent")
    tk.get_action("user_patch")(
        {"user": "boss", "ignore_auth": True}, {"id": user["id"], "sysadmin": True}
    )
    assert (_last().area, _last().before, _last().after) == ("sysadmin", None, {"role": "sysadmin"})
    service = factories.Organization(users=[{"name": "agent", "capacity": "editor"}])
    tk.get_action("organization_member_delete")(
        {"user": "boss", "ignore_auth": True}, {"id": service["id"], "username": "agent"}
    )
    assert (_last().before, _last().after) == ({"role": "editor"}, None)


def test_an_area_is_bounded(portal, monkeypatch):
    monkeypatch.setattr(lists, "MOST", 1)
    lists.store("search:everyday", "a", {"asked": ["a"], "called": ["b"]}, None)
    with pytest.raises(lists.FullError):
        lists.store("search:everyday", "b", {"asked": ["a"], "called": ["b"]}, None)
    assert journal.count() == 1 + journal.count(["role:", "sysadmin"])


def _last() -> JournalEntry:
    return model.Session.scalars(
        sa.select(JournalEntry).order_by(JournalEntry.id.desc()).limit(1)
    ).one()


@pytest.mark.browser
def test_a_curator_adds_a_term_and_words_in_french(page, portal):
    log_in(page, "boss", PASSWORD)
    page.goto("/fr/ecosphere/admin/vocabulaires")
    page.get_by_role("link", name="Thèmes du ministère").click()
    assert axe_violations(page) == []
    page.get_by_role("link", name="Ajouter un terme").click()
    page.get_by_label("Nom en français").fill("Sobriété foncière")
    page.get_by_label("Nom en anglais").fill("Land sobriety")
    page.get_by_label("Synonymes").fill("zorglub")
    assert axe_violations(page) == []
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_text("est dans la liste").wait_for()
    page.goto("/fr/ecosphere/admin/recherche")
    assert axe_violations(page) == []
    page.get_by_role("textbox", name="Mots que tapent les gens").fill("zorglub")
    page.get_by_role("textbox", name="Mots du catalogue").fill("friche industrielle")
    page.get_by_role("button", name="Voir ce que cela change").click()
    work()
    page.get_by_role("link", name="Voir le résultat").click()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Mettre en vigueur").click()
    page.goto("/fr/ecosphere/admin/journal")
    assert "friche industrielle" in page.locator("main").inner_text()
    assert axe_violations(page) == []


@pytest.mark.browser
def test_a_term_and_its_synonym_are_added_and_found_within_two_minutes_without_a_command_line(
    page, portal
):
    begin = time.monotonic()
    log_in(page, "boss", PASSWORD)
    page.goto("/fr/ecosphere/admin/")
    page.get_by_role("link", name="Mots", exact=True).click()
    page.get_by_role("link", name="Vocabulaires").first.click()
    page.get_by_role("link", name="Thèmes du ministère").click()
    page.get_by_role("link", name="Ajouter un terme").click()
    page.get_by_label("Nom en français").fill("Sobriété foncière")
    page.get_by_label("Nom en anglais").fill("Land sobriety")
    page.get_by_label("Synonymes").fill("zorglub")
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_text("est dans la liste").wait_for()
    # Describing a dataset with it is not part of the measured time.
    added = time.monotonic()
    local.look(now=True)  # the portal of the browser is another process than the test
    theme = voc.get("themes")["sobriete-fonciere"].uri
    factories.Dataset(
        owner_org="dreal", name="friches", title="Friches industrielles", theme=[theme]
    )
    described = time.monotonic()
    page.goto("/fr/dataset/")
    page.locator("#field-giant-search, input[name=q]").last.fill("zorglub")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Friches industrielles").first.wait_for()
    seconds = time.monotonic() - begin - (described - added)
    print(f"seconds: {seconds:.1f}")
    assert seconds < MOST_SECONDS
