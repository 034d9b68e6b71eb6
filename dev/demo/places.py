"""Services and territories of the demonstration records, with the French grammar of their names."""

from __future__ import annotations

from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import Concept

_DU = (
    "Bas-Rhin|Calvados|Cantal|Cher|Doubs|Finistère|Gard|Gers|Haut-Rhin|Jura|Loir-et-Cher|Loiret|Lot|Lot-et-Garonne|"
    "Maine-et-Loire|Morbihan|Nord|Pas-de-Calais|Puy-de-Dôme|Rhône|Tarn|Tarn-et-Garonne|Territoire de Belfort|"
    "Val-d'Oise|Val-de-Marne|Var|Vaucluse|Centre-Val de Loire|Grand Est"
)
_DES = (
    "Alpes-de-Haute-Provence|Alpes-Maritimes|Ardennes|Bouches-du-Rhône|Côtes-d'Armor|Deux-Sèvres|Hauts-de-Seine|"
    "Hautes-Alpes|Hautes-Pyrénées|Landes|Pyrénées-Atlantiques|Pyrénées-Orientales|Vosges|Yvelines|Hauts-de-France|"
    "Pays de la Loire|Terres australes et antarctiques françaises"
)
_DE = (
    "Bourgogne-Franche-Comté|Bretagne|Corse|Guadeloupe|La Réunion|Martinique|Mayotte|Normandie|Nouvelle-Aquitaine|"
    "Paris|Provence-Alpes-Côte d'Azur|Saint-Pierre-et-Miquelon|Saône-et-Loire|Seine-et-Marne"
)
#: Article → names that take it; other names take "de la", or "de l'" before a vowel.
_ARTICLES = {
    "du ": _DU.split("|"),
    "des ": _DES.split("|"),
    "de ": _DE.split("|"),
    "d'": ["Auvergne-Rhône-Alpes", "Ille-et-Vilaine", "Indre-et-Loire", "Occitanie", "Île-de-France"],
}
_VOWELS = "AÀÂEÉÈÊIÎOÔUYH"
_H_ASPIRATED = ("Haut", "Haute")
#: Current code of a région → former names that records still carry.
FORMER_REGIONS = {
    "ARA": ("RHONE ALPES", "AUVERGNE"),
    "HDF": ("PICARDIE", "NORD-PAS-DE-CALAIS"),
    "OCC": ("MIDI-PYRENEES", "LANGUEDOC-ROUSSILLON"),
    "NAQ": ("AQUITAINE", "LIMOUSIN", "POITOU-CHARENTES"),
    "GES": ("LORRAINE", "ALSACE", "CHAMPAGNE-ARDENNE"),
}


def of(name: str) -> str:
    """Return a territory's name with "de" and its article: "de l'Ain", "du Gard", "des Landes"."""
    for article, names in _ARTICLES.items():
        if name in names:
            return article + name
    if name[0] in _VOWELS and not name.startswith(_H_ASPIRATED):
        return f"de l'{name}"
    return f"de la {name}"


@cache
def services(*kinds: str) -> tuple[Concept, ...]:
    """Return the services of these kinds that have a territory."""
    return tuple(c for c in voc.get("organisations") if c.data["kind"] in kinds and c.data["territory"])


def territory(service: Concept) -> Concept:
    """Return the territory that a service is in charge of."""
    return voc.get("territories")[service.data["territory"]]


def region(place: Concept) -> Concept | None:
    """Return the région of a territory; None if it is in none."""
    chain = (place, *voc.get("territories").ancestors(place.uri))
    return next((step for step in chain if step.data["type"] == "region"), None)


def mailbox(service: Concept) -> str:
    """Return a service's mailbox, in a reserved domain."""
    name = "-".join(voc.normalise(service.label_fr).split())
    return f"sig@{name}.example"


def spellings(service: Concept) -> tuple[str, ...]:
    """Return the spellings of a service's name found in catalogues."""
    place, short = territory(service), service.label_fr
    acronym = service.data["acronym"]
    full = service.data["long_label_fr"].split(" (")[0]
    return (
        short,
        service.data["long_label_fr"],
        f"{acronym} {of(place.label_fr)}",
        f"{short} ({full} {of(place.label_fr)})",
        f"{full} {of(place.label_fr)}",
        short.replace(" ", "-").upper(),
        f"{full.upper()} {of(place.label_fr).upper()}",
    )
