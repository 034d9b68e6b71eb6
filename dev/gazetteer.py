"""Write the gazetteer in `ckanext/ecosphere/vocabularies/places/` from a new edition of its source.

    npm pack @etalab/decoupage-administratif && tar xzf *.tgz
    python3 -m dev.gazetteer package/data

The package contains INSEE's code officiel géographique of a year, with postal codes, populations, merged communes and
intercommunalities (data of INSEE and DGCL, Licence Ouverte 2.0; package MIT). Uses the standard library only.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PLACES = Path(__file__).parents[1] / "ckanext" / "ecosphere" / "vocabularies" / "places"
SOURCE = (
    'INSEE "code officiel géographique", as put together by Etalab (package @etalab/decoupage-administratif {version}, '
    "MIT; data of INSEE, DGCL and La Poste, Licence Ouverte)"
)
#: Types of current communes; the arrondissements of Paris, Lyon and Marseille count as such.
CURRENT = ("commune-actuelle", "arrondissement-municipal")
FORMER = ("commune-deleguee", "commune-associee")


def main() -> None:
    """Read the package and write the three files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder `data` of the package")
    folder = parser.parse_args().folder
    read = lambda name: json.loads((folder / name).read_text(encoding="utf-8"))  # noqa: E731
    version = json.loads((folder.parent / "package.json").read_text(encoding="utf-8"))["version"]
    communes, groups = read("communes.json"), [*read("epci.json"), *read("ept.json")]
    group_of = {member["code"]: group["code"] for group in groups for member in group["membres"]}
    _write(
        "communes.csv",
        f"Communes and arrondissements municipaux of France: {SOURCE.format(version=version)}",
        "population orders suggestions of the same name; epci: code of the intercommunality; postal: postal codes. "
        "A file apart from data/: too many to be a list of choices",
        ("code", "name", "departement", "population", "epci", "postal"),
        (
            (
                each["code"],
                each["nom"],
                _departement(each),
                each.get("population", 0),
                group_of.get(each["code"], ""),
                "|".join(each.get("codesPostaux", [])),
            )
            for each in communes
            if each["type"] in CURRENT
        ),
    )
    _write(
        "former-communes.csv",
        f"Communes that merged and live on as a part of another: {SOURCE.format(version=version)}",
        "current: code of the commune that they belong to",
        ("code", "name", "current"),
        (
            (each["code"], each["nom"], each["chefLieu"])
            for each in communes
            if each["type"] in FORMER and each["chefLieu"]
        ),
    )
    departements = {each["code"]: _departement(each) for each in communes if each["type"] in CURRENT}
    _write(
        "epci.csv",
        f"Intercommunalities (EPCI with their own taxes, and the EPT of Grand Paris): {SOURCE.format(version=version)}",
        "departements: those of their communes, that of most people first",
        ("code", "name", "kind", "population", "departements"),
        (
            (
                each["code"],
                each["nom"],
                each["type"],
                each.get("populationMunicipale", 0),
                "|".join(_by_people(each["membres"], departements)),
            )
            for each in groups
        ),
    )


def _departement(commune: dict[str, Any]) -> str:
    return commune.get("departement") or commune.get("collectivite") or commune["code"][:3]


def _by_people(members: Iterable[dict[str, Any]], departements: dict[str, str]) -> list[str]:
    people: dict[str, int] = {}
    for member in members:
        if code := departements.get(member["code"]):
            people[code] = people.get(code, 0) + int(member.get("populationMunicipale") or 0)
    return sorted(people, key=lambda code: (-people[code], code))


def _write(name: str, origin: str, remark: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with (PLACES / name).open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {origin}\n# {remark}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
