"""A catalogue of plain CKAN with datasets of many shapes, and what any portal shows of it,
in one form.
"""

from __future__ import annotations

import json
from typing import Any

SERVICE, GROUP, SOURCE = "ddt-01", "inondations", "moissonneur"
PEOPLE = {
    "author": "Jean Dupont",
    "author_email": "jean.dupont@ain.example.org",
    "maintainer": "Unité SIG",
    "maintainer_email": "sig@ain.example.org",
}
FILE = {"url": "https://example.org/donnees.csv", "name": "Données", "format": "CSV"}
BOX = '{"type": "Polygon", "coordinates": [[[4.7, 45.6], [6.2, 45.6], [6.2, 46.5], [4.7, 46.5], [4.7, 45.6]]]}'


def extras(**values: str) -> list[dict[str, str]]:
    """Return free fields as CKAN's API takes them."""
    return [{"key": name, "value": value} for name, value in values.items()]


#: Bodies of `package_create`, as scripts send them to a plain CKAN.
BODIES: dict[str, dict[str, Any]] = {
    "complet": {
        **PEOPLE, "title": "Zones inondables", "notes": "Deux\nlignes.", "license_id": "cc-by",
        "url": "www.ain.fr/zones", "version": "v1.2",
        "tags": [{"name": "crue"}, {"name": "qualité des eaux"}], "groups": [{"name": GROUP}],
        "extras": extras(Cote="C1", Échelle="1:25 000"),
        "resources": [FILE, {**FILE, "url": "https://example.org/b.zip", "format": "Fichier Shape (zippé)"}],
    },
    "titre-seul": {"title": "Titre seul"},
    "notes-seules": {"title": "Notes", "notes": "Une note.", "url": "https://ain.example.org/", "version": "2020"},
    "licence-maison": {"title": "Licence maison", "license_id": "licence-maison", "author": "Ana"},
    "licence-anglaise": {"title": "Licence anglaise", "license_id": "uk-ogl", "maintainer": "Ana"},
    "licence-odbl": {"title": "ODbL", "license_id": "odc-odbl", "tags": [{"name": "forêt"}, {"name": "Bois"}]},
    "licence-nc": {"title": "Non commerciale", "license_id": "cc-nc", **PEOPLE},
    "licence-libre": {"title": "Ouverte", "license_id": "Licence Ouverte v2.0"},
    "champs-du-schema": {
        "title": "Champs nommés comme ceux du schéma", **PEOPLE, "license_id": "cc-by-sa",
        "extras": extras(
            frequency="de temps en temps", contact="Voir le service", theme="Risques", language="fr", spatial=BOX,
            identifier="ABC-1", issued="2019", provenance="Levé.", source="SANDRE",
        ),
    },
    "prive": {"title": "Privé", "private": True, "extras": extras(Cote="C2", status="en cours"), **PEOPLE},
    "brouillon": {"title": "Brouillon", "state": "draft", "extras": extras(Cote="C3")},
    "fichiers": {
        "title": "Fichiers",
        "resources": [
            {"url": "donnees.csv", "format": "csv;utf8"},
            {"url": "", "name": "Sur demande", "format": "Papier"},
            {"url": "Voir le service", "format": ""},
            {**FILE, "url": "https://example.org/c.xls", "format": ".XLS (Excel)", "auteur": "Ana", "license": "libre"},
            {**FILE, "url": "https://example.org/d.pdf", "format": "PDF/Word", "mimetype": "pdf", "size": 120},
        ],
    },
    "moissonne": {
        "title": "Moissonné par un autre", **PEOPLE,
        "extras": extras(guid="a-1", spatial=BOX, **{"contact-email": "a@example.org", "frequency-of-update": "an"}),
        "resources": [FILE],
    },
}  # fmt: skip

#: What people fill in on the portal, by name of the dataset.
_FIELDS: dict[str, Any] = {
    "territory": ["http://id.insee.fr/geo/departement/01"],
    "language": ["FRA"],
    "use_conditions": "Citer la source.",
    "provenance": "Premier paragraphe.\n\nSecond paragraphe.",
    "method": "é" * 20_000,
    "frequency": "ANNUAL",
    "temporal_coverage": [{"start": "2020-01-01", "end": "2021-12-31"}],
    "title_translated": {"en": "In English"},
}
FILLED = (
    "complet",
    "titre-seul",
    "licence-maison",
    "licence-odbl",
    "licence-nc",
    "prive",
    "fichiers",
    "moissonne",
)


def fields(name: str) -> dict[str, Any]:
    """Return the values that people give to the fields of the schema."""
    return {**_FIELDS, "theme": ["Risques"], "identifier": f"urn:ain:{name}"}


#: Columns of a dataset that are compared, whoever computes the others.
COLUMNS = (
    "id", "title", "notes", "author", "author_email", "maintainer", "maintainer_email", "license_id", "url", "version",
    "private", "state", "type", "owner_org", "creator_user_id",
)  # fmt: skip
#: What CKAN computes about a dataset.
COMPUTED = frozenset(
    {
        "name", "extras", "resources", "tags", "groups", "organization", "num_resources", "num_tags", "isopen",
        "license_title", "license_url", "metadata_created", "metadata_modified", "relationships_as_subject",
        "relationships_as_object",
    }
)  # fmt: skip
OF_FILES = frozenset(
    {
        "metadata_modified", "package_id", "position", "datastore_active",
        "datastore_contains_all_records_of_source_file",
    }
)  # fmt: skip


def view(dataset: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a dataset by name, in the same form whether a schema shows them or
    CKAN's extras hold them.

    Fields of files are named `files/URL/FIELD`. Empty values are left out.
    """
    found: dict[str, Any] = {name: dataset.get(name) for name in COLUMNS}
    own = {
        name: value
        for name, value in dataset.items()
        if name not in COMPUTED and name not in COLUMNS
    }
    found |= {
        f"extras/{name}": value for name, value in own.items() if not name.startswith("ecosphere_")
    }
    found |= (
        {f"extras/{each['key']}": each["value"] for each in dataset["extras"]}
        if dataset.get("extras")
        else {}
    )
    found |= {f"tags/{each['name']}": each["name"] for each in dataset["tags"]}
    found |= {f"groups/{each['name']}": each["name"] for each in dataset["groups"]}
    for file in dataset["resources"]:
        for name, value in file.items():
            if name not in OF_FILES:
                found[f"files/{file['url']}/{name}"] = value
    return {name: plain(value) for name, value in found.items() if value not in (None, "", [], {})}


def plain(value: Any) -> str:
    """Return a value as text: JSON in one form, whether it is stored as text or shown as a list."""
    if isinstance(value, str):
        try:
            read = json.loads(value)
        except ValueError:
            return value.replace("\r\n", "\n")
        value = read if isinstance(read, (list, dict)) else value
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )
