"""Write the gazetteer in `ckanext/ecosphere/vocabularies/places/` from a new edition of its source.

    npm pack @etalab/decoupage-administratif && tar xzf *.tgz
    python3 -m dev.gazetteer package/data

The package contains INSEE's code officiel géographique of a year, with postal codes, populations,
merged communes and intercommunalities (data of INSEE and DGCL, Licence Ouverte 2.0; package MIT).
Uses the standard library only.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PLACES = Path(__file__).parents[1] / "ckanext" / "ecosphere" / "vocabularies" / "places"
#: Types of current communes; the arrondissements of Paris, Lyon and Marseille count as such.
CURRENT = ("commune-actuelle", "arrondissement-municipal")
FORMER = ("commune-deleguee", "commune-associee")


def main() -> None:
    """Read the package and write the three files."""
    folder = Path(sys.argv[1])
    places, epci, ept = (_read(folder / f"{name}.json") for name in ("communes", "epci", "ept"))
    version = _read(folder.parent / "package.json")["version"]
    groups = [*epci, *ept]
    group_of = {member["code"]: group["code"] for group in groups for member in group["membres"]}
    departements: dict[str, str] = {}
    communes, former, members = [], [], []
    for place in places:
        code, name = place["code"], place["nom"]
        if place["type"] in CURRENT:
            departements[code] = place.get("departement") or place.get("collectivite") or code[:3]
            postal = "|".join(place.get("codesPostaux", []))
            people = place.get("population", 0)
            communes.append((code, name, departements[code], people, group_of.get(code, ""), postal))
        elif place["type"] in FORMER and place["chefLieu"]:
            former.append((code, name, place["chefLieu"]))
    for group in groups:
        around = "|".join(_by_people(group["membres"], departements))
        people = group.get("populationMunicipale", 0)
        members.append((group["code"], group["nom"], group["type"], people, around))
    for name, rows in (("communes.csv", communes), ("former-communes.csv", former), ("epci.csv", members)):
        _write(name, version, rows)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _by_people(members: Iterable[dict[str, Any]], departements: dict[str, str]) -> list[str]:
    people: Counter[str] = Counter()
    for member in members:
        if code := departements.get(member["code"]):
            people[code] += int(member.get("populationMunicipale") or 0)
    return sorted(people, key=lambda code: (-people[code], code))


def _write(name: str, version: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write a file, under the notes and the head that it has."""
    path = PLACES / name
    lines = path.read_text(encoding="utf-8").splitlines()
    notes = [line for line in lines if line.startswith("#")]
    head = [re.sub(r"(administratif) [\d.]+", rf"\1 {version}", line) for line in lines[: len(notes) + 1]]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in head)
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
