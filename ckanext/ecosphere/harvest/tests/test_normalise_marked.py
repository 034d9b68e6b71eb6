"""Records with marked elements: the marks are trusted instead of guessing, and all limits apply."""

from __future__ import annotations

from ckanext.ecosphere.harvest.normalise import Context
from ckanext.ecosphere.harvest.normalise.marked import MARKED
from ckanext.ecosphere.harvest.normalise.rules import RULES
from ckanext.ecosphere.harvest.record import (
    Box,
    Constraint,
    Contact,
    Extent,
    Identifier,
    Keyword,
    Link,
    Mark,
    ReferenceSystem,
    Term,
)
from ckanext.ecosphere.harvest.tests.making import dataset, result
from ckanext.ecosphere.shared import xlink_roles

TELLING = {
    "keywords": [Keyword("hydrographie"), Keyword("Ain")],
    "abstract": "Zones inondables de l'Ain.",
    "boxes": [Box("4.72", "6.18", "45.61", "46.52")],
}


def test_each_takes_the_place_of_a_rule():
    assert set(MARKED) <= {name for name, _rule in RULES}


def test_nothing_is_guessed():
    guessed = {"theme", "eu_theme", "inspire_theme", "territory", "tags"}
    assert guessed <= set(dataset(**TELLING))
    assert not guessed & set(dataset(**TELLING, marked=True))


def test_a_keyword_that_is_marked_is_a_keyword_whatever_it_means():
    words = ["hydrographie", "données ouvertes", "WMS", "l’eau"]
    keywords = [Keyword(word, mark=Mark(xlink_roles.KEYWORD)) for word in words]
    made = dataset(Context(free_tags=True), marked=True, keywords=keywords)
    assert [tag["name"] for tag in made["tags"]] == words
    assert not {"inspire_theme", "access_rights"} & set(made)
    strict = dataset(Context(), marked=True, keywords=keywords)
    assert strict["tags"][-1]["name"] == "l eau"


def test_what_nobody_may_store_is_refused_here_too():
    bad = "javascript:alert(1)"
    made = result(
        marked=True,
        uri=bad,
        links=[
            Link(bad, mark=Mark(arc))
            for arc in (xlink_roles.LANDING_PAGE, xlink_roles.PAGE, xlink_roles.DISTRIBUTION, xlink_roles.SOURCE)
        ],
        keywords=[
            Keyword(bad, bad, mark=Mark(xlink_roles.LEGISLATION)),
            Keyword("x" * 300, mark=Mark(xlink_roles.KEYWORD)),
            Keyword("<script>", mark=Mark(xlink_roles.KEYWORD)),
        ],
        extents=[
            Extent([], [Identifier("x", href=bad)], [], [], Mark(xlink_roles.TERRITORY)),
            Extent(["Ici"], [Identifier("x", href=bad)], [], [], Mark(xlink_roles.PLACE)),
        ],
        reference_systems=[ReferenceSystem(bad)],
        constraints=[Constraint(other=[Term("Sans adresse"), Term("x", bad)], mark=Mark(xlink_roles.ACCESS, role=bad))],
        contacts=[Contact(organisation="DDT", url=bad, organisation_href=bad, mark=Mark(xlink_roles.CONTACT))],
    )
    assert bad not in str(made.dataset)
    assert made.dataset["contact"] == [{"name": "DDT"}]
    assert made.dataset["spatial_coverage"] == [{"text": "Ici"}]
    assert made.dataset["access_conditions"] == "Sans adresse"
    assert all(len(tag["name"]) <= 100 and "<" not in tag["name"] for tag in made.dataset.get("tags", ()))
    assert sum(bad in note for note in made.unread) == 4


def test_a_link_without_a_mark_is_read_as_in_every_record():
    made = dataset(marked=True, links=[Link("https://exemple.fr/zones.zip"), Link("https://exemple.fr/zones.csv")])
    assert [each["resource_role"] for each in made["resources"]] == ["data", "data"]
