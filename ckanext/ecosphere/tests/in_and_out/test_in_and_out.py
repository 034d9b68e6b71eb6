"""A plain CKAN with 200 datasets enables the plugins, disables them, and enables them again without
losing anything.

Each stage is a CKAN process with its own configuration, on the same database and core (see
`stages`).
"""

from __future__ import annotations

import html
import json
import subprocess
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from ckanext.ecosphere.tests.in_and_out import stages
from ckanext.ecosphere.tests.in_and_out.conftest import ROOT

pytestmark = pytest.mark.slow("stages")


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory, configurations: Callable[..., tuple[Path, Path]]
) -> dict[str, Any]:
    """Observations of each stage, by name of the stage."""
    folder = tmp_path_factory.mktemp("in-and-out")
    plain, ours = configurations(folder)
    way = {"before": plain, "inside": ours, "outside": plain, "back": ours}
    words = [str(word) for stage in way.items() for word in stage]
    command = [sys.executable, "-m", stages.__name__, str(folder), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    return {
        "folder": folder,
        **{name: json.loads((folder / f"{name}.json").read_text()) for name in way},
    }


#: Changes made while the plugins were disabled: dataset → fields.
CHANGED_OUTSIDE = {
    "avant-011": {"title", "title_translated"},
    "avant-012": {"title", "title_translated"},
    "avant-050": {"title", "title_translated"},
    "avant-051": {"title", "title_translated"},
    "avant-054": {"method", "provenance", "use_conditions", "extras", "contact"},
}
#: Fields that a plain CKAN cannot keep as they are: keywords and long texts, translations and lists
#: of files.
NOT_KEPT = {"tags", "method", "maintainer", "maintainer_email", "resources"}
#: Fields that the portal computes, or that CKAN's form fills with an empty text.
COMPUTED = {
    "metadata_modified",
    "ecosphere_quality_score",
    "ecosphere_quality_level",
    "license_title",
}


def differences(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """Return the names of the fields that differ; a missing field equals an empty one."""
    return {
        name
        for name in one.keys() | other.keys()
        if _filled(one.get(name)) != _filled(other.get(name))
    }


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: part for name, each in value.items() if (part := _filled(each)) is not None}
    if isinstance(value, list):
        return [_filled(each) for each in value] or None
    return None if value == "" else value


def datasets(seen: dict[str, Any], stage: str, name: str = "show") -> dict[str, Any]:
    return seen[stage][name]


def test_every_way_to_a_dataset_of_before_answers_until_it_is_adopted(seen):
    refused = {
        path: status
        for path, status in seen["inside"]["old answers"].items()
        if status != HTTPStatus.OK
    }
    assert not refused


def test_adoption_shows_its_plan_first_and_guesses_no_version(seen):
    plan, told = seen["inside"]["dry run"], seen["inside"]["adopt"]
    assert "Nothing was done" in plan
    for words in (
        "200 datasets were here before",
        "contact: 200 datasets, from their maintainers and authors",
        "licence cc-by: 25 × no licence (CKAN's list does not say which version)",
        "licence cc-nc: 25 × no licence",
        "licence odc-odbl: 25 × stays Open Database License 1.0 (ODbL)",
        "licence uk-ogl: 25 × stays UK Open Government Licence (OGL) (uk-ogl)",
        "licence other-open: 25 × stays Other open licence",
        "1 group with datasets stays in the menu",
        "1 keyword stays in the facets",
        "they are called “previous_contact”",
    ):
        assert words in plan, words
    assert plan.replace("Nothing was done (dry run).\n", "") in told
    assert "200 datasets changed" in told
    assert "nothing to adopt" in seen["inside"]["again"]
    assert "200 datasets were here before the schema" in seen["inside"]["check"]


def test_adoption_loses_nothing(seen):
    adopted = datasets(seen, "inside", "adopted")
    for name, old in datasets(seen, "before").items():
        new = adopted[name]
        assert {key: new[key] for key in stages.PEOPLE} == stages.PEOPLE
        assert new["contact"] == [
            {"name": "Unité SIG", "email": "sig@ain.example.org"},
            {"name": "Jean Dupont", "email": "jean.dupont@ain.example.org"},
        ]
        free = {each["key"]: each["value"] for each in new["extras"]}
        kept = {each["key"]: each["value"] for each in old["extras"]}
        assert free == {
            "Cote": kept["Cote"],
            "previous_contact": "Voir le service",
            "previous_frequency": "de temps en temps",
        }
        if old["license_id"] in ("cc-by", "cc-nc"):
            assert not new.get("license_id")
            assert f"({old['license_id']})" in new["use_conditions"]
        else:
            assert new.get("license_id") == old["license_id"]
        same = {
            "license_id",
            "license_title",
            "license_url",
            "isopen",
            "extras",
            "contact",
            "use_conditions",
        }
        assert differences(old, new) <= same | COMPUTED, name


def test_core_fields_are_shown_and_kept_through_form_and_api(seen):
    inside = seen["inside"]
    for page in (
        inside["old page"],
        inside["page"],
    ):  # before the adoption, which turns them into contacts, and after
        told = html.unescape(page).replace("&#64;", "@")
        assert all(value in told for value in stages.PEOPLE.values())
    assert set(stages.PEOPLE) <= set(inside["form names"])
    for name, saved in inside["saved"].items():
        assert saved["title"] == "Changé"
        assert {key: saved[key] for key in stages.PEOPLE} == stages.PEOPLE, name
        assert [each["name"] for each in saved["groups"]] == ["inondations"], name
    assert [each["name"] for each in inside["saved"]["avant-001"]["tags"]] == ["crue"]
    assert not inside["emptied"]["author"]
    assert inside["emptied"]["maintainer"] == "Unité SIG"


def test_groups_and_keywords_stay_in_menu_and_facets(seen):
    page = BeautifulSoup(seen["inside"]["search"], "html.parser")
    assert page.select_one('header a[href$="/group/"]')
    facets = {
        link["href"]
        for link in page.select("a[href]")
        if "groups=" in link["href"] or "tags=" in link["href"]
    }
    assert any("groups=inondations" in each for each in facets)
    assert any("tags=crue" in each for each in facets)
    assert seen["inside"]["group"] == HTTPStatus.OK


def test_a_period_of_grace_warns_until_its_last_day(seen):
    inside = seen["inside"]
    assert "theme" in inside["refused"]
    assert inside["warning 2099-12-31"].startswith('299 - "needed to publish after 2099-12-31: ')
    for name in ("theme", "contact", "license_id"):
        assert name in inside["warning 2099-12-31"]
    assert not inside["warning 2020-01-31"]
    assert not inside["warning demain"]
    assert (inside["grace 2099-12-31"], inside["grace 2020-01-31"], inside["grace demain"]) == (
        ["ok"],
        ["warning"],
        ["error"],
    )
    assert "modified" in inside["contradiction"]
    assert "Saved, though publishing will need this after" in inside["flash"]


def test_leaving_shows_its_plan_first_and_exports(seen):
    plan, told, file = (
        seen["inside"]["plan"],
        seen["inside"]["leave"],
        seen["folder"] / "export.jsonl",
    )
    assert seen["inside"]["after plan"]
    for words in (
        "2 harvest sources",
        f"{len(datasets(seen, 'inside'))} datasets are exported",
        "1 keyword that CKAN refuses",
        "the index is cleared",
    ):
        assert words in plan
    assert "could not be indexed" not in told
    rows = {each["name"]: each for each in map(json.loads, file.read_text().splitlines())}
    shown = datasets(seen, "inside")
    assert rows.keys() == shown.keys()
    assert not {name for name in rows if differences(rows[name], shown[name]) - COMPUTED}
    assert file.stat().st_mode & 0o077 == 0


def test_a_plain_ckan_works_on_what_was_left(seen):
    assert set(seen["outside"]["pages"].values()) == {HTTPStatus.OK}, seen["outside"]["pages"]
    shown = datasets(seen, "outside")
    assert shown.keys() == datasets(seen, "inside").keys()
    free = {each["key"] for each in shown["avant-050"]["extras"]}
    assert {"theme", "contact", "provenance", "Cote"} <= free
    assert shown["zones-inondables-ain"]["maintainer"] == "Unité SIG"


def test_datasets_come_back_with_what_a_plain_ckan_kept_and_changed(seen):
    before, after = datasets(seen, "inside"), datasets(seen, "back")
    assert after.keys() - before.keys() == {"nouveau-dehors"}
    changed = {
        name: differences(old, after[name]) - COMPUTED - NOT_KEPT for name, old in before.items()
    }
    emptied = changed.pop("avant-053")
    assert {
        "theme",
        "contact",
        "provenance",
    } <= emptied  # a program has saved it without its free fields
    expected = {name: fields - NOT_KEPT for name, fields in CHANGED_OUTSIDE.items()}
    for name in (
        "avant-011",
        "avant-051",
    ):  # saved in CKAN's form, whose lines end with two characters
        expected[name] |= {"notes", "provenance"}
        assert after[name]["notes"].split() == before[name]["notes"].split()
    assert {name: fields for name, fields in changed.items() if fields} == expected
    for name in ("avant-011", "avant-012", "avant-050", "avant-051"):
        assert after[name]["title"] == after[name]["title_translated"]["fr"] == "Renommé dehors"
        assert after[name]["title_translated"]["en"] == before[name]["title_translated"]["en"]
    file = after["avant-052"]["resources"][0]
    assert file["name"] == "Renommé dehors"
    assert "conforms_to" not in file  # CKAN's form of a file drops the fields that it does not know
    exported = map(json.loads, (seen["folder"] / "export.jsonl").read_text().splitlines())
    stored = next(dataset for dataset in exported if dataset["name"] == "avant-052")
    assert (
        stored["resources"][0]["conforms_to"] == before["avant-052"]["resources"][0]["conforms_to"]
    )
    edited = after["avant-054"]
    assert edited["provenance"] == "Autrement."
    assert "method" not in edited
    assert {"key": "previous_contact_2", "value": "Jean"} in edited["extras"]
    assert not edited.get("license_id")
    assert seen["back"]["source"] == seen["back"]["page"] == HTTPStatus.OK
    assert differences(after["avant-050"], seen["back"]["resaved"]) <= COMPUTED
    assert "The index was written with the schema in force" in seen["back"]["init again"]
