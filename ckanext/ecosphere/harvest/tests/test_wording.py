"""Decisions of the rules in plain words, in the language of the page; the log stores codes."""

import ast
import re
from pathlib import Path

import pytest

from ckanext.ecosphere.harvest import messages
from ckanext.ecosphere.harvest.normalise import Change, Reason, territory
from ckanext.ecosphere.harvest.normalise.draft import rows
from ckanext.ecosphere.harvest.normalise.rules import RULES

RULES_FOLDER = Path(territory.__file__).parent
LOCALITY = "commune ou groupement de communes que nomme le titre ou une organisation"
CASES = [
    ("territory", "territory", Reason("box"), "Ain", "Territoires", "cadre englobant", "Ain"),
    ("territory", "territory", Reason("locality"), "Nord", "Territoires", LOCALITY, "Nord"),
    (
        "themes",
        "theme",
        Reason("evidence", {"kinds": ["keywords"]}),
        "eau",
        "Thématiques",
        "mots-clés",
        "Eau",
    ),
    (
        "themes",
        "theme",
        Reason("evidence", {"kinds": ["title", "keywords"]}),
        "eau",
        "Thématiques",
        "titre, mots-clés",
        "Eau",
    ),
    (
        "organisation",
        "owner_org",
        Reason("by-email", {"value": "x@ain.gouv.fr"}),
        "ddt-01053-01",
        "Service",
        "x@ain.gouv.fr (adresse électronique)",
        "DDT 01",
    ),
    (
        "links",
        "resources",
        Reason("protocol"),
        "OGC:WMS",
        "Ressources",
        "aucun protocole déclaré",
        "OGC:WMS",
    ),
    (
        "links",
        "resources",
        Reason("protocol-named", {"value": "WWW:LINK"}),
        "HTTP",
        "Ressources",
        "protocole «\u00a0WWW:LINK\u00a0»",
        "HTTP",
    ),
    (
        "contacts",
        "creator",
        Reason("maker-by-role", {"role": "custodian"}),
        "Shom",
        "Producteurs",
        "ni auteur ni propriétaire nommé\u00a0; rôle «\u00a0Gestionnaire\u00a0»",
        "Shom",
    ),
    ("title", "title", "title", "Titre", "Titre", "title", "Titre"),
    (
        "within-bounds",
        "tags",
        Reason("characters", {"value": "30123"}),
        Reason("characters", {"value": "30000"}),
        "Mots-clés",
        "30123 caractères",
        "30000 car",
    ),
    # As logs of earlier versions have it: shown as it is.
    ("links", "resources", "protocol WWW:LINK", "HTTP", "Ressources", "protocol WWW:LINK", "HTTP"),
]


def test_each_rule_has_a_name_for_people():
    assert list(messages.RULES) == list(RULES)


def test_each_way_to_a_territory_or_a_theme_has_words():
    ways = list(territory.EVIDENCE) + [row["evidence"] for row in rows("theme-weights")]
    assert {*ways, "keywords (addresses)", "box outside France"} <= set(messages.REASONS)


def test_each_code_that_a_rule_logs_has_a_sentence():
    """And no sentence stands for a code that no rule logs."""
    evidence = set(territory.EVIDENCE) | {row["evidence"] for row in rows("theme-weights")}
    codes = evidence | {
        "area of the service",
        "box outside France",
        "keywords (addresses)",
        "noLimitations",
    }
    for path in RULES_FOLDER.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "reason":
                codes |= {node.value for node in call.args if isinstance(node, ast.Constant)}
    codes |= {"by-email", "by-person", "characters", "values", "technical-words", "codes-of-places"}
    assert codes == set(messages.REASONS)


@pytest.mark.usefixtures("with_plugins")
@pytest.mark.parametrize("case", CASES)
def test_a_decision_is_told_in_french(app, case):
    rule, field, before, after, label, words, came = case
    with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        told = messages.labelled(messages.in_words(Change(rule, field, before, after).as_dict()))
    assert (told["field"], told["before"]) == (label, words)
    assert told["after"].startswith(came)
    assert told["code"] == rule


@pytest.mark.usefixtures("with_plugins")
def test_addresses_of_lists_are_told_by_their_labels(app):
    annual = "http://publications.europa.eu/resource/authority/frequency/ANNUAL"
    for language, word in (("fr", "nnuel"), ("en", "nnual")):
        with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": language}):
            change = {"rule": "frequency", "field": "frequency", "before": "x"}
            assert word in messages.labelled({**change, "after": annual})["after"]
            assert messages.labelled({**change, "after": "no address"})["after"] == "no address"
            assert messages.rule("a-rule-of-somebody-else") == "a-rule-of-somebody-else"
            assert not re.search("[{}]", " ".join(messages.rule(name) for name in messages.RULES))
