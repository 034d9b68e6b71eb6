"""Validation on save: mandatory fields, contradictions, drafts; the harvest is exempt."""

from __future__ import annotations

import itertools
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories, helpers

from ckanext.ecosphere.schemas.tests import samples

pytestmark = pytest.mark.usefixtures("shared_db")
RIGHT = f"{samples.DIM}/access-right"
LIMITS = f"{samples.INSPIRE}/metadata-codelist/LimitationsOnPublicAccess"
NUMBERS = itertools.count()
KIND = f"{samples.INSPIRE}/metadata-codelist/ResourceType"


@pytest.fixture
def person(service: dict[str, Any]) -> Any:
    """Call an action as an editor of the service."""
    user = factories.User(image_url="")
    helpers.call_action(
        "organization_member_create", id=service["id"], username=user["name"], role="editor"
    )

    def call(action: str, **data: Any) -> Any:
        return helpers.call_action(action, {"user": user["name"], "ignore_auth": False}, **data)

    return call


@pytest.fixture
def refused(person: Any, service: dict[str, Any]) -> Any:
    """Return the validation errors of a dataset saved by the editor."""

    def refused(dataset: dict[str, Any], action: str = "package_create") -> dict[str, list[str]]:
        with pytest.raises(tk.ValidationError) as caught:
            person(action, **{"owner_org": service["id"], **dataset})
        told: Any = caught.value.error_dict
        return told

    return refused


def complete(**changes: Any) -> dict[str, Any]:
    """Return a dataset that may be published, with a unique name."""
    return samples.full(**{"in_series": [], "name": f"jeu-{next(NUMBERS)}", **changes})


class TestPublishing:
    def test_a_complete_dataset_is_published(self, person, service):
        assert person("package_create", owner_org=service["id"], **complete())["private"] is False

    def test_what_is_mandatory_is_asked_for_by_name(self, refused):
        errors = refused({"title": "T", "name": "tt"})
        assert {"notes", "theme", "territory", "contact", "license_id", "provenance"} <= set(errors)
        assert "use_conditions" not in errors
        assert not {"service_type", "code_repository", "scale_denominator"} & set(errors)

    def test_conditions_of_use_are_asked_for_where_the_licence_does_not_say_them(
        self, refused, person, service
    ):
        assert set(refused(complete(license_id="other-at", use_conditions=""))) == {
            "use_conditions"
        }
        known = complete(license_id="etalab-2.0", use_conditions="")
        assert person("package_create", owner_org=service["id"], **known)["private"] is False

    @pytest.mark.parametrize("kind", ["dataset", "series", "service", "code"])
    def test_all_that_publishing_asks_for_stands_in_the_part_of_the_form_that_is_open(
        self, refused, kind
    ):
        schema = tk.h.scheming_get_dataset_schema("dataset")
        opened = {section["id"] for section in schema["form_sections"] if section.get("open")}
        shown = {
            field["field_name"]
            for field in schema["dataset_fields"]
            if field.get("form_section") in opened
        }
        limited = {"access_rights": f"{RIGHT}/RESTRICTED", "license_id": "other-at"}
        asked = set(refused({"title": "T", "name": "tt", "dcat_type": kind, **limited}))
        assert len(asked) > 3
        assert asked <= shown

    def test_a_draft_may_be_incomplete_and_is_completed_before_it_is_published(
        self, person, refused, service
    ):
        draft = person(
            "package_create", owner_org=service["id"], title="T", name="brouillon", private=True
        )
        assert "theme" in refused({**draft, "private": False}, "package_update")
        done = {
            **complete(),
            "id": draft["id"],
            "name": "brouillon",
            "private": False,
            "owner_org": service["id"],
        }
        assert person("package_update", **done)["private"] is False

    def test_a_harvest_writes_what_it_has(self, create):
        assert create({"title": "T", "name": f"jeu-{next(NUMBERS)}"})["private"] is False

    def test_who_corrects_a_harvested_dataset_is_not_held_up_by_what_it_lacked_before(
        self, create, person
    ):
        lacking = create({"title": "T", "name": f"jeu-{next(NUMBERS)}"})
        assert (
            person("package_patch", id=lacking["id"], notes="Trois phrases.")["notes"]
            == "Trois phrases."
        )

    def test_what_is_mandatory_cannot_be_taken_away_from_a_public_dataset(self, create, refused):
        shown = create(complete())
        assert set(refused({**shown, "theme": []}, "package_update")) == {"theme"}

    def test_a_dataset_of_a_series_may_leave_to_it_what_is_common(self, create, person, service):
        create(samples.full(name="lot", dcat_type=f"{KIND}/series", in_series=[]))
        member = complete(name="part", in_series=["lot"], theme=[], contact=[], use_conditions="")
        assert person("package_create", owner_org=service["id"], **member)["in_series"] == ["lot"]

    def test_a_service_needs_its_address_and_no_lineage(self, refused):
        errors = refused({"title": "T", "name": "tt", "dcat_type": "service"})
        assert {"service_type", "endpoint_url"} <= set(errors)
        assert "provenance" not in errors

    def test_source_code_needs_its_repository_and_no_territory(self, refused):
        errors = refused({"title": "T", "name": "tt", "dcat_type": "code"})
        assert "code_repository" in errors
        assert not {"territory", "topic_category", "provenance", "use_conditions"} & set(errors)


PUBLIC = {"access_rights": f"{RIGHT}/PUBLIC", "access_conditions": ""}
CONTRADICTIONS = [
    ("license_id", {"access_rights": f"{RIGHT}/NON_PUBLIC"}),
    ("license_id", {**PUBLIC, "access_limitation": [], "license_id": "notspecified"}),
    ("access_limitation", {"access_limitation": [f"{LIMITS}/noLimitations"]}),
    ("access_limitation", {"access_limitation": []}),
    ("access_limitation", PUBLIC),
    ("access_conditions", {"access_rights": f"{RIGHT}/PUBLIC", "access_limitation": []}),
    ("code_repository", {"code_repository": "https://git.example.org/x"}),
    ("issued", {"created": "2024", "modified": "2024-05"}),
    ("next_update", {"next_update": "2020"}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "changes"), CONTRADICTIONS)
def test_a_contradiction_is_refused_at_its_field(refused, field, changes):
    assert set(refused(complete(**changes))) == {field}


@pytest.mark.parametrize(
    ("kind", "group", "row"),
    [
        ("service", "quality_measure", {"name": "Erreur", "value": "2"}),
        ("code", "quality_measure", {"name": "Erreur", "value": "2"}),
        ("code", "conformity", {"specification": "Géostandard"}),
        ("code", "spatial_coverage", {"text": "Vallée"}),
        ("dataset", "contact", {"name": ""}),
    ],
)
def test_a_group_that_cannot_stand_there_is_refused_at_its_first_row(refused, kind, group, row):
    told = refused(complete(dcat_type=kind, **{group: [row]}))[group]
    assert told[0]
    assert all(len(messages) == 1 for messages in told[0].values())


def test_what_a_change_elsewhere_makes_contradictory_is_refused(create, refused):
    limited = create(complete())
    assert set(
        refused({"id": limited["id"], "access_rights": f"{RIGHT}/PUBLIC"}, "package_patch")
    ) == {
        "access_limitation",
        "access_conditions",
    }


def test_a_draft_waits_for_its_licence_and_publishing_asks_for_it(person, refused, service):
    none = {"access_rights": f"{RIGHT}/PUBLIC", "access_limitation": [], "access_conditions": ""}
    draft = complete(**none, license_id="notspecified", private=True, name="sans-licence")
    draft = person("package_create", owner_org=service["id"], **draft)
    assert "license_id" in refused({**draft, "private": False}, "package_update")


def test_a_missing_licence_is_asked_for_once(refused):
    none = {
        "access_rights": f"{RIGHT}/PUBLIC",
        "access_limitation": [],
        "access_conditions": "",
        "license_id": "",
    }
    assert len(refused(complete(**none))["license_id"]) == 1


def test_a_box_outside_of_the_territories_is_refused_at_its_row(refused):
    far = {"spatial_coverage": [{"bbox": "-62, 15, -61, 16.5"}]}
    assert list(refused(complete(**far))["spatial_coverage"][0]) == ["bbox"]


@pytest.mark.parametrize(
    "address",
    ["http://[", "//[a", "http://a]b/x.csv", "http://ex\u2100mple.org/a.zip", "ftp://[::1"],
)
@pytest.mark.parametrize("more", [{}, {"format": "WMS", "mimetype": "application/xml"}])
def test_an_address_that_is_none_is_refused_at_its_field(refused, address, more):
    errors = refused(complete(resources=[{"url": address, "name": "A", **more}]))
    assert address in errors["resources"][0]["url"][0]


def test_a_checksum_needs_its_algorithm(refused):
    dataset = complete()
    del dataset["resources"][0]["hash_algorithm"]
    assert list(refused(dataset)["resources"][0]) == ["hash_algorithm"]


def test_no_limitation_goes_with_public_data(person, service):
    public = complete(
        access_rights=f"{RIGHT}/PUBLIC",
        access_limitation=[f"{LIMITS}/noLimitations"],
        access_conditions="",
    )
    assert person("package_create", owner_org=service["id"], **public)["access_limitation"]


def test_an_old_contradiction_does_not_stop_another_change(create, person):
    shown = create(complete(access_rights=f"{RIGHT}/NON_PUBLIC"))
    assert person("package_patch", id=shown["id"], version="2")["version"] == "2"
