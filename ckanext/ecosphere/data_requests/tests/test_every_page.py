"""Access matrix of the pages: every endpoint, requested by every user,
is as accessible as the matrix says.
"""

from __future__ import annotations

import pytest
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.tests.conftest import act, dataset, draft, opened, user_id
from ckanext.ecosphere.data_requests.tests.test_pages import PERSONS, visit
from ckanext.ecosphere.data_requests.views import blueprint

pytestmark = pytest.mark.usefixtures("portal")

#: Groups of users with access; others get 403, or the log-in page if they are not logged in.
ALL, KNOWN = set(PERSONS), set(PERSONS) - {None}
AGENTS = {"editor", "admin", "other-editor", "moderator"}
SERVICE, MODERATORS = {"editor", "admin", "boss"}, {"moderator", "boss"}
#: Endpoint → users with access to it on a public request, or without a request.
READ = {
    "index": ALL,
    "new": ALL,
    "resume_new": KNOWN,
    "lookalikes_fragment": ALL,
    "commune_suggestions": ALL,
    "dataset_suggestions": ALL,
    "mine": KNOWN,
    "notifications": KNOWN,
    "moderation": MODERATORS,
    "held": MODERATORS,
    "unsubscribe": ALL,
    "desk": SERVICE,
    "desk_csv": SERVICE,
    "desk_calendar": SERVICE,
    "own_calendar": KNOWN,
    "saved_answers": SERVICE,
    "absences": AGENTS,
    "signal": ALL,
    "statistics": ALL,
    "statistics_csv": ALL,
    "feed": ALL,
    "service": ALL,
    "batch": ALL,
    "preferences": KNOWN,
    "my_data": KNOWN,
    "read": ALL,
    "request_feed": ALL,
    "attachment": ALL,
}
#: Endpoints that need an object of their own (an answer, a token); the matrix in `tests/access`
#: covers them.
ELSEWHERE = {
    "delivery",
    "referral",
    "referral_file",
    "private_calendar",
    "private_desk_calendar",
    "satisfied_by_mail",
    "satisfied",
    "batch_add",
    "absence_delete",
    "saved_answer_delete",
}
#: Users who may read the requester’s acknowledgement of receipt.
LETTER = {"asker", *SERVICE, "moderator"}
#: Endpoints that answer 404 to others, not 403.
OWN = {
    "lookalikes": {"asker"},
    "edit": {"asker"},
    "resume": {"asker"},
    "letter": LETTER,
    "letter_pdf": LETTER,
}
#: Endpoints that answer others with 409: the page says that the transition is not possible, and has
#: nothing to submit.
TOLD = {"transition_form": SERVICE, "transition_resume": SERVICE}
ACT = {
    "moderate": MODERATORS,
    "hide_comment": MODERATORS,
    "spam": MODERATORS,
    "hide": MODERATORS,
    "assign": SERVICE,
    "absence_create": AGENTS,
    "saved_answer_save": SERVICE,
    "new_calendar": KNOWN,
    "notifications_seen": KNOWN,
    "preferences_save": KNOWN,
    "forget_me": KNOWN,
    "comment": KNOWN,
    "follow": KNOWN,
    "unfollow": KNOWN,
    "support": KNOWN,
    "unsupport": KNOWN,
    "create": KNOWN,
    "resume_new": KNOWN,
    "signal_create": ALL,
    "unsubscribe": ALL,
}
OWN_ACT = {"save": {"asker"}, "resume": {"asker"}}
TOLD_ACT = {"transition": SERVICE, "transition_resume": SERVICE}


ASKED = {"title": "Frayères", "description": "L’inventaire.", "theme": "eau"}


def filled(path: str, request: dict[str, str], file: str, comment: str) -> str:
    values = {
        "<organization>": "ddt-42",
        "<id>": request["reference"],
        "<file>": file,
        "<comment>": comment,
    }
    values |= {"<step>": "quoi", "<transition>": "start", "<kind>": "comment", "<text>": comment}
    values |= {"<letter>": request["letter"], "<dataset>": request["dataset"]}
    values["<token>"] = delivery.unsubscribe_token(user_id("asker"), request["id"])
    for name, value in values.items():
        path = path.replace(name, value)
    return path


def answer(app: CKANTestApp, person: str | None, path: str, method: str) -> str:
    """Return "yes", "log in", or the status that denies access."""
    # Posted forms are incomplete, except that of a new request, which is validated before the
    # log-in: users with access get validation errors, and nothing changes.
    form = (
        {"reason": "Motif", **(ASKED if path == "/demandes/nouvelle" else {})}
        if method == "POST"
        else {}
    )
    found = visit(app, person, path, **form)
    if found.status_code == 302 and "/user/login" in found.headers["Location"]:
        return "log in"
    return str(found.status_code) if found.status_code in (403, 404, 409) else "yes"


def test_the_matrix_has_every_page():
    both = blueprint.GET_AND_POST
    assert {name for _path, name, _view in blueprint.GET + both} - ELSEWHERE == {*READ, *OWN, *TOLD}
    assert {name for _path, name, _view in blueprint.POST + both} - ELSEWHERE == {
        *ACT,
        *OWN_ACT,
        *TOLD_ACT,
    }


@pytest.fixture
def furnished(
    tmp_path: object, ckan_config: object, monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, str]]:
    """A public and a private request, each with a comment and an attached file."""
    from ckanext.ecosphere.data_requests.tests.test_guards import PDF, upload

    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))  # pyright: ignore[reportArgumentType]
    found = {}
    for visibility in ("public", "private"):
        made = opened(visibility=visibility, title=f"Zones humides {visibility}")
        act("comment", "editor", id=made["id"], text="Voici", upload=upload("plan.pdf", PDF))
        shown = act("show", "editor", id=made["id"])
        [comment], letter = shown["comments"], shown["letters"][-1]["id"]
        files = {"file": comment["attachments"][0]["id"], "letter": letter}
        found[visibility] = {
            **made,
            "comment": comment["id"],
            "dataset": dataset()["name"],
            **files,
        }
    draft()
    return found


def paths(request: dict[str, str], rules: tuple[tuple[str, str, object], ...]) -> dict[str, str]:
    wanted = {name: path for path, name, _view in rules if name not in ELSEWHERE}
    return {
        name: filled(path, request, request["file"], request["comment"])
        for name, path in wanted.items()
    }


@pytest.mark.slow("personas")
def test_each_person_gets_to_the_pages_that_are_theirs(
    app: CKANTestApp, furnished: dict[str, dict[str, str]]
):
    public = paths(furnished["public"], blueprint.GET)
    expected = {**READ, **OWN, **TOLD}
    for name, path in public.items():
        kept_out = "404" if name in OWN else "409" if name in TOLD else "403"
        for person in PERSONS:
            wanted = "yes" if person in expected[name] else "log in" if person is None else kept_out
            assert answer(app, person, path, "GET") == wanted, (name, person)


@pytest.mark.slow("personas")
def test_each_person_sends_what_is_theirs_to_send(
    app: CKANTestApp, furnished: dict[str, dict[str, str]]
):
    public = paths(furnished["public"], blueprint.POST)
    expected = {**ACT, **OWN_ACT, **TOLD_ACT}
    for name, path in public.items():
        kept_out = "404" if name in OWN_ACT else "409" if name in TOLD_ACT else "403"
        for person in ("asker", "friend", "other-editor", None) if name == "spam" else PERSONS:
            found = answer(app, person, path, "POST")
            if person in expected[name]:
                assert found in ("yes", "409"), (name, person, found)
            else:
                assert found == ("log in" if person is None else kept_out), (name, person)


@pytest.mark.slow("personas")
def test_no_page_of_a_private_request_exists_for_others(
    app: CKANTestApp, furnished: dict[str, dict[str, str]]
):
    for rules, method in ((blueprint.GET, "GET"), (blueprint.POST, "POST")):
        about = {
            name: path
            for (rule, name, _view) in rules
            if "<id>" in rule and name not in ELSEWHERE
            for path in [paths(furnished["private"], rules)[name]]
        }
        for name, path in about.items():
            for person in ("friend", "other-editor"):
                assert answer(app, person, path, method) == "404", (name, person)
            assert answer(app, None, path, method) in ("log in", "404"), name
