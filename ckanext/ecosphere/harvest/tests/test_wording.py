"""Decisions of the rules in plain words, in the language of the page; the log stores codes."""

import re

import pytest

from ckanext.ecosphere.harvest.messages import translation
from ckanext.ecosphere.harvest.normalise.geography import territory
from ckanext.ecosphere.harvest.normalise.rules import RULES
from ckanext.ecosphere.harvest.normalise.tables import rows

LOCALITY = "commune ou groupement de communes que nomme le titre ou une organisation"
CASES = [
    ("territory", "territory", "box", "Ain", "Territoires", "cadre englobant", "Ain"),
    ("territory", "territory", "locality", "Nord", "Territoires", LOCALITY, "Nord"),
    ("themes", "theme", "keywords", "eau", "Thématiques", "mots-clés", "Eau"),
    ("themes", "theme", "title, keywords", "eau", "Thématiques", "titre, mots-clés", "Eau"),
    (
        "organisation",
        "owner_org",
        "x@ain.gouv.fr (e-mail)",
        "ddt-01053-01",
        "Service",
        "x@ain.gouv.fr (adresse électronique)",
        "DDT 01",
    ),
    ("links", "resources", "protocol", "OGC:WMS", "Ressources", "aucun protocole déclaré", "OGC:WMS"),
    ("links", "resources", "protocol WWW:LINK", "HTTP", "Ressources", "protocole «\u00a0WWW:LINK\u00a0»", "HTTP"),
    (
        "contacts",
        "creator",
        "by role: custodian",
        "Shom",
        "Producteurs",
        "ni auteur ni propriétaire nommé\u00a0; rôle «\u00a0Gestionnaire\u00a0»",
        "Shom",
    ),
    ("title", "title", "title", "Titre", "Titre", "title", "Titre"),
    ("within-bounds", "tags", "30123 characters", "30000 characters", "Mots-clés", "30123 caractères", "30000 car"),
]


def test_each_rule_has_a_name_for_people():
    assert list(translation.RULES) == [name for name, _rule in RULES]


def test_each_way_to_a_territory_or_a_theme_has_words():
    ways = [how for how, _find in territory.WAYS] + [row["evidence"] for row in rows("theme-weights")]
    assert {*ways, "keywords (addresses)", "box outside France"} <= set(translation.VALUES)


@pytest.mark.usefixtures("with_plugins")
@pytest.mark.parametrize("case", CASES)
def test_a_decision_is_told_in_french(app, case):
    rule, field, before, after, label, words, came = case
    with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        told = translation.change({"rule": rule, "field": field, "before": before, "after": after})
    assert (told["field"], told["before"]) == (label, words)
    assert told["after"].startswith(came)
    assert told["code"] == rule


@pytest.mark.usefixtures("with_plugins")
def test_addresses_of_lists_are_told_by_their_labels(app):
    annual = "http://publications.europa.eu/resource/authority/frequency/ANNUAL"
    for language, word in (("fr", "nnuel"), ("en", "nnual")):
        with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": language}):
            assert word in translation.after("frequency", annual)
            assert translation.after("frequency", "no address") == "no address"
            assert translation.rule("a-rule-of-somebody-else") == "a-rule-of-somebody-else"
            assert not re.search("[{}]", " ".join(translation.rule(name) for name in translation.RULES))
