"""Addresses of the room's pages; the modules `views_*` hold what they show."""

from __future__ import annotations

from flask import Blueprint

from ckanext.ecosphere.data_requests import (
    views_act,
    views_ask,
    views_desk,
    views_figures,
    views_letters,
    views_read,
    views_unsubscribe,
)
from ckanext.ecosphere.shared import web_guard

__all__ = ["ecosphere_requests"]

ecosphere_requests = Blueprint("ecosphere_requests", __name__)
web_guard.protect(ecosphere_requests)

GET = (
    ("/demandes", "index", views_read.index),
    ("/demandes/nouvelle", "new", views_ask.new),
    ("/demandes/ressemblances", "lookalikes_fragment", views_ask.lookalikes_fragment),
    ("/demandes/communes", "commune_suggestions", views_ask.commune_suggestions),
    ("/demandes/jeux-de-donnees", "dataset_suggestions", views_ask.dataset_suggestions),
    ("/demandes/mes-demandes", "mine", views_read.mine),
    ("/demandes/notifications", "notifications", views_desk.notifications),
    ("/demandes/moderation", "moderation", views_desk.moderation),
    ("/demandes/moderation/messages", "held", views_desk.held),
    ("/demandes/service/<organization>", "desk", views_desk.desk),
    ("/demandes/statistiques", "statistics", views_figures.statistics),
    ("/demandes/statistiques.csv", "statistics_csv", views_figures.statistics_csv),
    ("/demandes/flux.atom", "feed", views_figures.feed),
    ("/demandes/desabonnement/<token>", "unsubscribe", views_unsubscribe.unsubscribe),
    ("/demandes/preferences", "preferences", views_desk.preferences),
    ("/demandes/mes-donnees.json", "my_data", views_desk.my_data),
    ("/demandes/<id>", "read", views_read.read),
    ("/demandes/<id>/flux.atom", "request_feed", views_figures.request_feed),
    ("/demandes/<id>/ressemblances", "lookalikes", views_ask.lookalikes),
    ("/demandes/<id>/lettre/<letter>", "letter", views_letters.letter),
    ("/demandes/<id>/lettre/<letter>.pdf", "letter_pdf", views_letters.letter_pdf),
    ("/demandes/<id>/fichier/<file>", "attachment", views_act.attachment),
    ("/demandes/<id>/modifier/<step>", "edit", views_ask.edit),
    ("/demandes/<id>/<transition>", "transition_form", views_act.transition_form),
)
POST = (
    ("/demandes/nouvelle", "create", views_ask.create),
    ("/demandes/notifications", "notifications_seen", views_desk.notifications_seen),
    ("/demandes/preferences", "preferences_save", views_desk.preferences),
    ("/demandes/effacer-mes-donnees", "forget_me", views_desk.forget_me),
    ("/demandes/service/<organization>/affecter", "assign", views_desk.assign),
    ("/demandes/moderation/messages/<kind>/<text>", "moderate", views_desk.moderate),
    ("/demandes/<id>/modifier/<step>", "save", views_ask.save),
    ("/demandes/<id>/message", "comment", views_act.comment),
    ("/demandes/<id>/message/<comment>/masquer", "hide_comment", views_act.hide_comment),
    ("/demandes/<id>/soutenir", "support", views_act.support),
    ("/demandes/<id>/ne-plus-soutenir", "unsupport", views_act.unsupport),
    ("/demandes/<id>/suivre", "follow", views_act.follow),
    ("/demandes/<id>/ne-plus-suivre", "unfollow", views_act.unfollow),
    ("/demandes/<id>/indesirable", "spam", views_desk.spam),
    ("/demandes/<id>/masquer", "hide", views_act.hide),
    ("/demandes/<id>/<transition>", "transition", views_act.transition),
)

for path, name, view in GET:
    ecosphere_requests.add_url_rule(path, endpoint=name, view_func=view)
for path, name, view in POST:
    ecosphere_requests.add_url_rule(path, endpoint=name, view_func=view, methods=["POST"])
ecosphere_requests.add_url_rule(
    "/demandes/desabonnement/<token>",
    endpoint="unsubscribe",
    view_func=views_unsubscribe.unsubscribe,
    methods=["POST"],
)
