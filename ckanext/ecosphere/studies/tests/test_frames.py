"""Frames: what is shipped is complete and sourced.

What editors write is checked, and each error says what to do.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.studies import content, frames
from ckanext.ecosphere.studies.content import ContentError
from ckanext.ecosphere.studies.frames import Need, PortalFrame

ROOT = Path(__file__).resolve().parents[4]
SUBJECTS = ROOT / "dev" / "demo" / "subjects.csv"
NATIONAL = [id_ for id_, frame in frames.shipped().items() if not frame.territory]
LAW = "https://www.legifrance.gouv.fr/"

#: Need → subject of the demonstration that answers it, in the order of `subjects.csv`.
ANSWERED_BY = {
    "zones-humides": "zones-humides", "ppri": "ppri", "alea-inondation": "alea-inondation", "argiles": "argiles",
    "cavites": "cavites", "pprt": "pprt", "icpe": "icpe", "sols-pollues": "sols-pollues",
    "parcs-eoliens": "parcs-eoliens", "photovoltaique": "photovoltaique", "zaer": "zaer",
    "natura-2000": "natura-2000", "contrats-natura": "chartes-natura", "frayeres": "frayeres",
    "cours-d-eau": "cours-eau", "obstacles-ecoulement": "ouvrages-hydrauliques", "captages": "captages",
    "assainissement-collectif": "assainissement", "prelevements-eau": "irrigation", "secheresse": "secheresse",
    "plu-avancement": "plu", "scot": "scot", "servitudes": "sup", "bruit-cartes": "bruit-routes",
    "classement-sonore": "classement-sonore", "amenagements-cyclables": "amenagements-cyclables",
    "accidents-route": "accidents", "artificialisation": "artificialisation", "rpg": "rpg",
    "defrichements": "foret-defrichement", "dfci": "dfci", "grands-predateurs": "loup",
    "reserves-biologiques": "chasse", "domaine-maritime": "domaine-maritime", "cultures-marines": "conchyliculture",
    "znieff-1": "znieff-1", "znieff-2": "znieff-2", "tvb": "tvb", "qualite-eaux-souterraines": "eaux-souterraines",
    "hydrometrie": "hydrometrie", "qualite-air": "qualite-air", "emissions-ges": "ges", "paysages": "paysages",
    "sites-classes": "sites-classes", "reserves-naturelles": "reserves", "especes-protegees": "especes-protegees",
    "carrieres": "carrieres", "projets-connus": "avis-ae", "mesures-compensatoires": "mesures-compensatoires",
    "trafic-routier": "trafic", "orthophotographie": "orthophoto", "erosion-cotiere": "laisses-mer",
    "dsf": "planification-mer", "habitats-marins": "habitats-marins", "dechets-marins": "dechets-mer",
}  # fmt: skip


# --- what is shipped -----------------------------------------------------------------------------


def test_the_catalogue_of_needs_is_complete():
    needs = frames.needs()
    assert len(needs) >= 130
    for need in needs.values():
        assert set(need.label) == {"fr", "en"}, need.id
        assert need.words and need.themes and need.use, need.id
        assert (need.place == "within") == bool(need.distance), need.id


def test_words_of_a_need_are_distinct_also_without_accents():
    for need in frames.needs().values():
        folded = [voc.normalise(word) for word in need.words]
        assert len(folded) == len(set(folded)), need.id


def test_labels_of_needs_are_distinct():
    labels = [need.label["fr"] for need in frames.needs().values()]
    assert len(labels) == len(set(labels))


def subjects() -> Iterator[tuple[str, str]]:
    """Yield slug, and title and keywords without accents and plural marks,
    of each subject of the demonstration.
    """
    with SUBJECTS.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield row["slug"], folded(f"{row['title']} {row['keywords']} {row['table']}")


def folded(text: str) -> str:
    return " ".join(word.rstrip("s") for word in voc.normalise(text).split())


def rank(need: Need, text: str) -> int:
    """Return how well words stand in a text: early words count more."""
    words = list(reversed(need.words))
    return sum(weight for weight, word in enumerate(words, 1) if f" {folded(word)} " in f" {text} ")


@pytest.mark.parametrize("need", ANSWERED_BY)
def test_the_words_of_a_need_name_its_data_better_than_any_other(need: str):
    ranks = {slug: rank(frames.needs()[need], text) for slug, text in subjects()}
    assert max(ranks, key=lambda slug: ranks[slug]) == ANSWERED_BY[need]


def test_each_kind_of_study_of_the_law_has_a_frame():
    expected = {
        "etude-impact", "natura-2000", "autorisation-environnementale", "loi-sur-l-eau", "especes-protegees",
        "etude-de-dangers", "plans-programmes", "plu", "scot", "defrichement", "eolien", "photovoltaique", "carriere",
        "route", "assainissement",
    }  # fmt: skip
    assert expected <= set(NATIONAL)


@pytest.mark.parametrize("id_", frames.shipped())
def test_a_shipped_frame_says_why_and_by_which_source(id_: str):
    frame = frames.shipped()[id_]
    assert len(frame.needs) >= 15
    assert set(frame.title) == set(frame.description) == {"fr", "en"}
    assert any(need.mandatory for need in frame.needs)
    for group in frame.groups:
        assert set(group.label) == {"fr", "en"}, group.id
    for need in frame.needs:
        assert set(need.why) == {"fr", "en"}, need.id
        assert frame.source(need.source), need.id


@pytest.mark.parametrize("id_", frames.shipped())
def test_nothing_is_said_to_be_checked_before_its_source_was_read(id_: str):
    frame = frames.shipped()[id_]
    for source in frame.sources:
        assert not frame.checked or source.checked, source.key
        if re.search(r"\b[LR]\. ?\d", source.title):
            assert source.url.startswith(LAW), source.key


def test_the_data_say_where_they_come_from():
    text = (frames.DATA / "SOURCES.md").read_text(encoding="utf-8")
    for path in frames.DATA.rglob("*.yaml"):
        assert path.name in text or path.parent.name in text, path.name


# --- inheritance ---------------------------------------------------------------------------------


PARENT = {
    "title": {"fr": "Étude", "en": "Study"},
    "sources": [
        {
            "key": "law",
            "title": "Article L. 1",
            "url": "https://law.example/1",
            "checked": "2026-11-30",
        }
    ],
    "groups": [
        {
            "id": "water",
            "label": {"fr": "Eau", "en": "Water"},
            "needs": [
                {"need": "ppri", "why": {"fr": "Risque."}, "source": "law", "mandatory": True},
                {"need": "zones-humides", "why": {"fr": "Milieu."}, "source": "law"},
            ],
        }
    ],
}
CHILD = {
    "title": {"fr": "Étude dans l'Ain"},
    "territory": "departement-01",
    "inherits": "parent",
    "remove": ["ppri"],
    "sources": [{"key": "ddt", "title": "Note de la DDT", "url": "https://ddt.example/"}],
    "groups": [
        {"id": "water", "needs": [{"need": "zones-humides", "distance": 3}]},
        {
            "id": "ponds",
            "label": {"fr": "Étangs"},
            "needs": [
                {
                    "need": "etangs",
                    "label": {"fr": "Étangs"},
                    "words": ["étangs"],
                    "why": {"fr": "Ils sont vidés."},
                    "source": "ddt",
                }
            ],
        },
    ],
}  # fmt: skip


def copied(value: dict[str, Any]) -> Any:
    return json.loads(json.dumps(value))


def test_a_child_has_what_its_parent_has_but_what_it_says_otherwise():
    built, wrong = frames.build({"child": (2, CHILD), "parent": (1, PARENT)})
    assert not wrong
    child = built["child"]
    assert [(group.id, [need.id for need in group.needs]) for group in child.groups] == [
        ("water", ["zones-humides"]),
        ("ponds", ["etangs"]),
    ]
    wetlands = child.needs[0]
    assert (wetlands.distance, wetlands.why, wetlands.source) == (3, {"fr": "Milieu."}, "law")
    assert [source.key for source in child.sources] == ["law", "ddt"]
    assert (child.version, child.territory, child.inherits) == (2, "departement-01", "parent")


def test_the_difference_from_the_parent_is_told():
    built, _wrong = frames.build({"child": (0, CHILD), "parent": (0, PARENT)})
    difference = frames.difference(built["child"], built["parent"])
    ids = {kind: [need.id for need in needs] for kind, needs in difference.items()}
    assert ids == {"added": ["etangs"], "removed": ["ppri"], "changed": ["zones-humides"]}


def test_a_new_version_of_a_parent_reaches_its_children():
    parent = copied(PARENT)
    parent["groups"][0]["needs"].append(
        {"need": "captages", "why": {"fr": "Eau."}, "source": "law"}
    )
    built, _wrong = frames.build({"child": (0, CHILD), "parent": (2, parent)})
    assert "captages" in [need.id for need in built["child"].needs]


def test_frames_that_inherit_from_each_other_are_refused_and_others_stay():
    one, other = {**CHILD, "inherits": "other"}, {**CHILD, "inherits": "one"}
    built, wrong = frames.build({"one": (0, one), "other": (0, other), "parent": (0, PARENT)})
    assert set(built) == {"parent"}
    assert {wrong[id_].problems[0].code for id_ in ("one", "other")} == {"parent"}


def test_regional_frames_differ_from_the_national_one_they_refine():
    for frame in frames.shipped().values():
        if frame.inherits:
            difference = frames.difference(frame, frames.shipped()[frame.inherits])
            assert difference["added"] and difference["changed"], frame.id
    removed = frames.difference(
        frames.shipped()["etude-impact-mayotte"], frames.shipped()["etude-impact"]
    )["removed"]
    assert "natura-2000" in [need.id for need in removed]


@pytest.mark.parametrize("id_", ["etude-impact", "plu-ain"])
def test_the_needs_of_a_frame_survive_json(id_: str):
    frame = frames.shipped()[id_]
    for need in frame.needs:
        assert Need.of_dict({**json.loads(json.dumps(asdict(need))), "later": 1}) == need


# --- what editors write --------------------------------------------------------------------------


def changed(place: str, value: Any) -> Any:
    """Return the parent with another value at a place ("groups.0.id"); None removes it."""
    frame = copied(PARENT)
    steps = [int(step) if step.isdigit() else step for step in place.split(".")]
    inside = frame
    for step in steps[:-1]:
        inside = inside[step]
    if value is None:
        del inside[steps[-1]]
    else:
        inside[steps[-1]] = value
    return frame


NEED = "groups.0.needs.0"
PLACE_OF_NEED = "local > water > ppri"
WRONG = {
    "no object": ("text", "object", "local"),
    "a list for an object": (changed("title", ["a"]), "object", "local > title"),
    "no title": (changed("title", None), "missing", "local"),
    "no French title": (changed("title", {"en": "Study"}), "missing", "local > title"),
    "another language": (changed("title", {"fr": "a", "de": "b"}), "unknown-key", "local > title"),
    "a long title": (changed("title", {"fr": "a" * 201}), "text", "local > title"),
    "a title of control characters": (changed("title", {"fr": "\x00\x07"}), "text", "local > title"),
    "a number for a title": (changed("title", {"fr": 1}), "text", "local > title"),
    "an unknown key": (changed("owner", "me"), "unknown-key", "local"),
    "an unknown territory": (changed("territory", "atlantis"), "choice", "local"),
    "an unknown parent": (changed("inherits", "nothing"), "parent", "local"),
    "no day": (changed("checked", "yesterday"), "day", "local"),
    "groups that are no list": (changed("groups", {"a": 1}), "list", "local"),
    "no groups": (changed("groups", []), "no-needs", "local"),
    "many groups": (changed("groups", PARENT["groups"] * 31), "too-many", "local"),
    "a removed need without parent": (changed("remove", ["ppri"]), "not-inherited", "local"),
    "a group without id": (changed("groups.0.id", None), "missing", "local > groups 1"),
    "a group with an odd id": (changed("groups.0.id", "Eau !"), "id", "local > Eau !"),
    "a group twice": (changed("groups", PARENT["groups"] * 2), "twice", "local > water"),
    "a group without label": (changed("groups.0.label", None), "missing", "local > water"),
    "an unknown need": (changed(f"{NEED}.need", "licornes"), "need", "local > water > licornes"),
    "a need twice": (changed(f"{NEED}.need", "zones-humides"), "twice", "local > water > zones-humides"),
    "a need without reason": (changed(f"{NEED}.why", None), "missing", PLACE_OF_NEED),
    "a long reason": (changed(f"{NEED}.why", {"fr": "a" * 2001}), "text", f"{PLACE_OF_NEED} > why"),
    "a need without source": (changed(f"{NEED}.source", None), "missing", PLACE_OF_NEED),
    "an unknown source": (changed(f"{NEED}.source", "code"), "source", PLACE_OF_NEED),
    "an unknown theme": (changed(f"{NEED}.themes", ["dragons"]), "choice", PLACE_OF_NEED),
    "an unknown use": (changed(f"{NEED}.use", "decoration"), "choice", PLACE_OF_NEED),
    "an unknown reference": (changed(f"{NEED}.references", ["google"]), "choice", PLACE_OF_NEED),
    "an unknown place": (changed(f"{NEED}.place", "moon"), "choice", PLACE_OF_NEED),
    "a far distance": (changed(f"{NEED}.distance", 1e9), "number", PLACE_OF_NEED),
    "a distance that is no number": (changed(f"{NEED}.distance", "near"), "number", PLACE_OF_NEED),
    "an infinite scale": (changed(f"{NEED}.scale", float("inf")), "number", PLACE_OF_NEED),
    "a truth value that is a text": (changed(f"{NEED}.mandatory", "yes"), "flag", PLACE_OF_NEED),
    "a word that is no text": (changed(f"{NEED}.words", [{}]), "text", PLACE_OF_NEED),
    "many words": (changed(f"{NEED}.words", [str(n) for n in range(31)]), "too-many", PLACE_OF_NEED),
    "many needs": (
        changed("groups.0.needs", [{"need": f"n-{n}"} for n in range(151)]), "too-many", "local > water"
    ),
    "a script for an address": (changed("sources.0.url", "javascript:alert(1)"), "url", "local > law"),
    "an address with a blank": (changed("sources.0.url", "https://a b/"), "url", "local > law"),
    "a broken address": (changed("sources.0.url", "https://[x/"), "url", "local > law"),
    "a source twice": (changed("sources", PARENT["sources"] * 2), "twice", "local > law"),
    "many sources": (changed("sources", PARENT["sources"] * 61), "too-many", "local"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_place_and_a_remedy(case: str):
    wrong, code, place = WRONG[case]
    with pytest.raises(ContentError) as error:
        frames.frame_of(wrong, "local")
    told = [(problem.code, problem.params["place"]) for problem in error.value.problems]
    assert (code, place) in told
    assert place in str(error.value)


def test_every_problem_of_a_frame_is_met_by_a_case():
    met = {code for _content, code, _place in WRONG.values()}
    assert set(content.PROBLEMS) - met == {"template", "golden"}  # those of other files


def test_all_problems_are_told_at_once_but_not_without_end():
    with pytest.raises(ContentError) as error:
        frames.frame_of(
            changed("groups.0.needs", [{"need": f"n-{number}"} for number in range(100)])
        )
    assert content.MOST_PROBLEMS / 2 < len(error.value.problems) <= content.MOST_PROBLEMS
    with pytest.raises(ContentError) as error:
        frames.frame_of({"groups": PARENT["groups"], "owner": "me"})
    assert {"missing", "source", "unknown-key"} <= {
        problem.code for problem in error.value.problems
    }


def test_texts_of_editors_lose_harmful_characters():
    frame = frames.frame_of(changed("title", {"fr": "Étude\u202e\n des\x00 eaux"}), "local")
    assert frame.title == {"fr": "Étude des eaux"}


def test_a_text_without_translation_is_shown_in_french():
    assert frames.in_language({"fr": "Eau"}, "en_GB") == "Eau"
    assert frames.in_language({"fr": "Eau", "en": "Water"}, "en_GB") == "Water"
    assert frames.in_language({}, "fr") == ""


# --- the portal ----------------------------------------------------------------------------------


@pytest.fixture
def clean_frames(clean_db: None):
    model.Session.query(PortalFrame).delete()
    model.Session.commit()


def store(id_: str, version: int, value: Any) -> None:
    model.Session.add(PortalFrame(frame_id=id_, version=version, content=value))
    model.Session.commit()


@pytest.mark.ckan_config("ckan.plugins", "ecosphere ecosphere_studies")
@pytest.mark.usefixtures("with_plugins", "clean_frames")
class TestPortal:
    """Versions that editors made in the portal."""

    def test_the_highest_version_is_in_force_and_files_stay(self):
        store("local", 1, changed("title", {"fr": "Première"}))
        store("local", 2, changed("title", {"fr": "Seconde"}))
        frame = frames.frame("local")
        assert frame and (frame.version, frame.title) == (2, {"fr": "Seconde"})
        assert frames.content_of(frame)["title"] == {"fr": "Seconde"}
        assert set(frames.shipped()) | {"local"} == {frame.id for frame in frames.frames()}

    def test_a_version_takes_the_place_of_the_file_and_its_children_follow(self):
        shorter = copied(frames.content_of(frames.shipped()["plu"]))
        shorter["groups"] = [group for group in shorter["groups"] if group["id"] != "espace"]
        store("plu", 1, shorter)
        for id_ in ("plu", "plu-ain"):
            frame = frames.frame(id_)
            assert frame and "friches" not in [need.id for need in frame.needs]

    def test_a_version_that_can_no_longer_be_used_gives_way_to_the_file(self):
        store("plu", 1, changed(f"{NEED}.need", "withdrawn-need"))
        frame = frames.frame("plu")
        assert frame and frame.version == 0

    def test_national_frames_come_first(self):
        territories = [bool(frame.territory) for frame in frames.frames()]
        assert territories == sorted(territories)
