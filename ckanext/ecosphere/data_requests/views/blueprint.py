"""Blueprint with the URLs of all pages; the other modules of `views` hold their functions."""

from __future__ import annotations

from itertools import chain
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from flask import request

from ckanext.ecosphere.core.pages import Pages
from ckanext.ecosphere.data_requests.domain import wording
from ckanext.ecosphere.data_requests.views import act, ask, desk, figures, person, read
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.ecosphere.shared.web_guard.incoming import is_own_address

__all__ = ["ecosphere_requests"]

#: Pages that need no log-in; those of one request show what the reader may see.
PUBLIC = frozenset({
    "attachment", "batch", "commune_suggestions", "create", "dataset_suggestions", "delivery",
    "feed", "index", "lookalikes_fragment", "new", "private_calendar", "private_desk_calendar",
    "read", "request_feed", "satisfied_by_mail", "service", "signal", "signal_create",
    "statistics", "statistics_csv", "unsubscribe",
})  # fmt: skip


class RequestPages(Pages):
    """The pages of requests."""

    def not_found(self, error: tk.ObjectNotFound) -> str:
        """Say whether a request or a service is not there, not whether the request exists."""
        service = (request.view_args or {}).get("organization")
        if service is not None and model.Group.get(service) is None:
            return _("Organization not found")
        return _("This request does not exist, or you may not read it.")

    def invalid(self, error: tk.ValidationError) -> str:
        """Return what is wrong, without the data for programs that some errors hold."""
        return " ".join(chain.from_iterable(wording.errors_of(error).values()))

    def page_of_form(self) -> str:
        """Return the page with the form that was sent, so that the log-in does not lose it."""
        before = taken_apart(request.referrer or "")
        address = before._replace(scheme="", netloc="").geturl()
        hosts = (request.host, urlsplit(tk.config["ckan.site_url"]).netloc)
        # A message that is refused is shown again at an address that only accepts POST.
        again = request.endpoint == "ecosphere_requests.comment" and before.path == request.path
        if before.netloc in hosts and not again and is_own_address(address):
            return address
        key = (request.view_args or {}).get("id")
        if key:
            return tk.url_for("ecosphere_requests.read", id=key)
        return tk.url_for("ecosphere_requests.index")


ecosphere_requests = RequestPages("ecosphere_requests", PUBLIC)

GET = (
    ("/demandes", "index", read.index),
    ("/demandes/nouvelle", "new", ask.new),
    ("/demandes/ressemblances", "lookalikes_fragment", ask.lookalikes_fragment),
    ("/demandes/communes", "commune_suggestions", ask.commune_suggestions),
    ("/demandes/jeux-de-donnees", "dataset_suggestions", ask.dataset_suggestions),
    ("/demandes/mes-demandes", "mine", read.mine),
    ("/demandes/notifications", "notifications", person.notifications),
    ("/demandes/moderation", "moderation", desk.moderation),
    ("/demandes/moderation/messages", "held", desk.held),
    ("/demandes/absences", "absences", desk.absences),
    ("/demandes/service/<organization>", "desk", desk.desk),
    ("/demandes/service/<organization>/reponses", "saved_answers", desk.saved_answers),
    ("/demandes/service/<organization>/demandes.csv", "desk_csv", desk.desk_csv),
    ("/organization/<organization>/demandes", "service", figures.service),
    ("/demandes/statistiques", "statistics", figures.statistics),
    ("/demandes/statistiques.csv", "statistics_csv", figures.statistics_csv),
    ("/demandes/flux.atom", "feed", figures.feed),
    ("/demandes/preferences", "preferences", person.preferences),
    ("/demandes/mes-donnees.json", "my_data", person.my_data),
    ("/demandes/signaler/<dataset>", "signal", act.signal),
    ("/demandes/<id>", "read", read.read),
    ("/demandes/<id>/flux.atom", "request_feed", figures.request_feed),
    ("/demandes/<id>/ressemblances", "lookalikes", ask.lookalikes),
    ("/demandes/mes-demandes.ics", "own_calendar", person.own_calendar),
    ("/demandes/service/<organization>/echeances.ics", "desk_calendar", person.desk_calendar),
    ("/demandes/calendrier/<token>/demandes.ics", "private_calendar", person.private_calendar),
    (
        "/demandes/calendrier/<token>/<organization>.ics",
        "private_desk_calendar",
        person.private_calendar,
    ),
    ("/demandes/<id>/services", "batch", ask.batch),
    ("/demandes/<id>/saisine-cada", "referral", read.referral),
    ("/demandes/<id>/saisine-cada.<ending>", "referral_file", read.referral_file),
    ("/demandes/<id>/lettre/<letter>", "letter", read.letter),
    ("/demandes/<id>/lettre/<letter>.pdf", "letter_pdf", read.letter_pdf),
    ("/demandes/<id>/fichier/<file>", "attachment", act.attachment),
    ("/demandes/<id>/reponse/<delivery>", "delivery", act.delivery),
    ("/demandes/<id>/modifier/<step>", "edit", ask.edit),
    ("/demandes/<id>/<transition>", "transition_form", act.transition_form),
)
POST = (
    ("/demandes/nouvelle", "create", ask.create),
    ("/demandes/notifications", "notifications_seen", person.notifications_seen),
    ("/demandes/preferences", "preferences_save", person.preferences),
    ("/demandes/effacer-mes-donnees", "forget_me", person.forget_me),
    ("/demandes/service/<organization>/affecter", "assign", desk.assign),
    ("/demandes/service/<organization>/reponses", "saved_answer_save", desk.saved_answers),
    (
        "/demandes/service/<organization>/reponses/<answer>/supprimer",
        "saved_answer_delete",
        desk.saved_answer_delete,
    ),
    ("/demandes/absences", "absence_create", desk.absences),
    ("/demandes/absences/<absence>/supprimer", "absence_delete", desk.absence_delete),
    ("/demandes/moderation/messages/<kind>/<text>", "moderate", desk.moderate),
    ("/demandes/signaler/<dataset>", "signal_create", act.signal_create),
    ("/demandes/<id>/modifier/<step>", "save", ask.save),
    ("/demandes/<id>/message", "comment", act.comment),
    ("/demandes/<id>/message/<comment>/masquer", "hide_comment", act.hide_comment),
    ("/demandes/nouveau-calendrier", "new_calendar", person.new_calendar),
    ("/demandes/<id>/satisfaction", "satisfied", read.satisfied),
    ("/demandes/<id>/services", "batch_add", ask.batch_add),
    ("/demandes/<id>/soutenir", "support", act.support),
    ("/demandes/<id>/ne-plus-soutenir", "unsupport", act.unsupport),
    ("/demandes/<id>/suivre", "follow", act.follow),
    ("/demandes/<id>/ne-plus-suivre", "unfollow", act.unfollow),
    ("/demandes/<id>/indesirable", "spam", desk.spam),
    ("/demandes/<id>/masquer", "hide", act.hide),
    ("/demandes/<id>/<transition>", "transition", act.transition),
)

#: Forms that a page shows again: with what was typed, or with the question whether it is meant.
GET_AND_POST = (
    ("/demandes/nouvelle/reprendre", "resume_new", ask.resume_new),
    ("/demandes/desabonnement/<token>", "unsubscribe", person.unsubscribe),
    ("/demandes/satisfaction/<token>", "satisfied_by_mail", read.satisfied_by_mail),
    ("/demandes/<id>/modifier/<step>/reprendre", "resume", ask.resume),
    ("/demandes/<id>/<transition>/reprendre", "transition_resume", act.transition_resume),
)

for methods, rules in ((["GET"], GET), (["POST"], POST), (["GET", "POST"], GET_AND_POST)):
    for path, name, view in rules:
        ecosphere_requests.add_url_rule(path, endpoint=name, view_func=view, methods=methods)
