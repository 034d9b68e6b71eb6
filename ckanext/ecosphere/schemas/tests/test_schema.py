"""Dataset schema: keeps valid values, refuses invalid ones, and derives the footprint."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.plugins import lookup_package_plugin, plugin_validate

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.tests import samples

CONTRACT = [
    "title",
    "name",
    "notes",
    "tag_string",
    "url",
    "owner_org",
    "license_id",
    "version",
    "dcat_type",
    "identifier",
    "alternate_identifier",
    "metadata_identifier",
    "alternate_title",
    "language",
    "theme",
    "inspire_theme",
    "eu_theme",
    "topic_category",
    "priority_dataset",
    "territory",
    "spatial_coverage",
    "spatial",
    "temporal_coverage",
    "issued",
    "modified",
    "created",
    "next_update",
    "frequency",
    "status",
    "contact",
    "publisher",
    "creator",
    "qualified_attribution",
    "access_rights",
    "access_limitation",
    "access_conditions",
    "use_conditions",
    "provenance",
    "spatial_resolution_in_meters",
    "scale_denominator",
    "reference_system",
    "spatial_representation",
    "conforms_to",
    "conformity",
    "applicable_legislation",
    "documentation",
    "is_referenced_by",
    "in_series",
    "replaces",
    "replaced_by",
    "regulatory_use",
    "preview_image",
    "source_record",
    "source_catalogue",
    "metadata_date",
]
RESOURCE_CONTRACT = [
    "url",
    "name",
    "description",
    "format",
    "mimetype",
    "size",
    "hash",
    "hash_algorithm",
    "license",
    "rights",
    "access_url",
    "download_url",
    "issued",
    "modified",
    "conforms_to",
    "availability",
    "status",
    "compress_format",
    "package_format",
    "documentation",
    "access_services",
    "resource_role",
    "protocol",
    "layer_name",
    "network",
    "encoding",
    "reference_system",
]

saved = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


def schema():
    return tk.h.scheming_get_dataset_schema("dataset")


@pytest.mark.usefixtures("portal_of_the_class")
class TestTheSchemaItself:
    def test_has_every_field_that_other_rooms_rely_on(self):
        assert set(CONTRACT) <= {field["field_name"] for field in schema()["dataset_fields"]}
        assert set(RESOURCE_CONTRACT) <= {
            field["field_name"] for field in schema()["resource_fields"]
        }

    @pytest.mark.parametrize("group", ["dataset_fields", "resource_fields"])
    def test_names_every_field_and_helps_in_both_languages(self, group):
        def texts(fields):
            for field in fields:
                yield field["field_name"], field["label"]
                yield field["field_name"], field.get("help_text", field["label"])
                yield from texts(field.get("repeating_subfields", ()))

        lacking = [
            name
            for name, text in texts(schema()[group])
            if set(text) != {"en", "fr"} or not all(text.values())
        ]
        assert lacking == []

    def test_names_vocabularies_that_exist(self):
        fields = schema()["dataset_fields"] + schema()["resource_fields"]
        fields += [sub for field in fields for sub in field.get("repeating_subfields", ())]
        assert {field["vocabulary"] for field in fields if "vocabulary" in field} <= set(
            voc.names()
        )

    def test_puts_every_dataset_field_in_a_part_of_the_form(self):
        sections = {section["id"] for section in schema()["form_sections"]}
        assert {field["form_section"] for field in schema()["dataset_fields"]} == sections


@saved
class TestSaving:
    def test_keeps_every_field_as_it_was_given(self, create):
        given = samples.full()
        shown = create(samples.full())
        box = json.loads(shown["spatial_coverage"][0].pop("bbox"))
        del given["spatial_coverage"][0]["bbox"]
        assert box == samples.BOX
        assert {name: shown[name] for name in given if name not in ("tags", "resources")} == {
            name: value for name, value in given.items() if name not in ("tags", "resources")
        }
        assert [tag["name"] for tag in shown["tags"]] == ["cours d'eau", "inondation"]
        for stored, expected in zip(shown["resources"], given["resources"], strict=True):
            assert {name: stored[name] for name in expected} == expected

    def test_what_is_shown_can_be_saved_again_unchanged(self, create, act):
        shown = create(samples.full())
        again = act("package_update", **shown)
        assert {**again, "metadata_modified": ""} == {**shown, "metadata_modified": ""}

    def test_needs_a_title_and_a_service_only(self, create):
        shown = create({"title": "Minimal", "name": "minimal"})
        assert "theme" not in shown
        assert "contact" not in shown
        assert "spatial" not in shown

    def test_takes_concepts_by_label_or_id_and_stores_their_uri(self, create):
        shown = create(
            {
                "title": "T",
                "name": "by-label",
                "frequency": "Annuelle",
                "theme": ["Assainissement"],
                "territory": "departement-01",
                "license_id": "http://spdx.org/licenses/etalab-2.0",
                "reference_system": ["EPSG:2154", "Lambert 93", "EPSG:2970"],
                "regulatory_use": "Loi sur l'eau",
            }
        )
        assert shown["frequency"].endswith("/frequency/ANNUAL")
        assert shown["theme"] == [f"{samples.THEMES}/assainissement"]
        assert shown["territory"] == [samples.AIN]
        assert shown["license_id"] == "etalab-2.0"
        assert shown["reference_system"] == [
            "http://www.opengis.net/def/crs/EPSG/0/2154",
            "http://www.opengis.net/def/crs/EPSG/0/2970",
        ]
        assert shown["regulatory_use"] == ["water-law"]

    def test_keeps_a_commune_though_the_list_stops_at_departements(self, create):
        uri = "http://id.insee.fr/geo/commune/01053"
        assert create({"title": "T", "name": "commune", "territory": [uri]})["territory"] == [uri]

    def test_forgets_empty_rows_and_unknown_subfields(self, create):
        shown = create(
            {
                "title": "T",
                "name": "rows",
                "contact": [{"name": "", "email": ""}, {"name": "DDT", "colour": "blue"}],
                "temporal_coverage": [{"start": "", "end": ""}],
                "alternate_title": ["", "Other"],
            }
        )
        assert shown["contact"] == [{"name": "DDT"}]
        assert "temporal_coverage" not in shown
        assert shown["alternate_title"] == ["Other"]

    def test_offers_the_licences_of_the_project(self, create):
        shown = create(samples.full())
        assert shown["license_title"] == "Licence Ouverte 2.0 (Etalab)"
        assert shown["isopen"] is True

    def test_a_row_that_holds_nothing_but_rows_is_saved_and_saved_again(self, act, create):
        agents = [{"role": "", "agent": [{"name": "DDT de l'Ain"}]}]
        saved = create(
            {
                "title": "Sans rôle",
                "name": "sans-role",
                "private": True,
                "qualified_attribution": agents,
            }
        )
        act("package_update", **{**saved, "title": "Toujours sans rôle"})
        [row] = act("package_show", id="sans-role")["qualified_attribution"]
        assert row["agent"] == [{"name": "DDT de l'Ain"}]


BAD = [
    ({"frequency": "sometimes"}, "frequency", "not in the list"),
    ({"theme": ["nowhere"]}, "theme", "not in the list"),
    ({"territory": ["http://example.org/x"]}, "territory", "not in the list"),
    ({"license_id": "my licence"}, "license_id", "not in the list"),
    ({"issued": "hier"}, "issued", "not a date"),
    ({"issued": "2023-02-30"}, "issued", "not a date"),
    ({"url": "javascript:alert(1)"}, "url", "not a web address"),
    ({"url": "java\tscript:alert(1)"}, "url", "not a web address"),
    ({"preview_image": "data:text/html,<script>"}, "preview_image", "not a web address"),
    (
        {"documentation": ["https://ok.example.org", "file:///etc/passwd"]},
        "documentation",
        "not a web address",
    ),
    ({"source_record": "//example.org/x"}, "source_record", "not a web address"),
    ({"scale_denominator": "grand"}, "scale_denominator", "not a scale"),
    ({"spatial_resolution_in_meters": "-5"}, "spatial_resolution_in_meters", "above zero"),
    ({"spatial": "{}"}, "spatial", "Write the box"),
    ({"tags": [{"name": "a,b"}]}, "tags", "cannot hold"),
]


def errors_of(dataset: dict[str, Any]) -> dict[str, Any]:
    """Validate a new dataset without saving it; return the errors."""
    plugin = lookup_package_plugin("dataset")
    context: Any = {"model": model, "session": model.Session, "user": "", "ignore_auth": True}
    given = {"title": "T", "name": "bad", "type": "dataset", **dataset}
    errors = plugin_validate(
        plugin, context, given, plugin.create_package_schema(), "package_create"
    )[1]
    errors.pop("owner_org", None)
    return errors


@pytest.mark.usefixtures("portal_of_the_class")
class TestRefusing:
    @pytest.mark.parametrize(("fields", "name", "message"), BAD, ids=[str(case[0]) for case in BAD])
    def test_an_error_names_its_field_and_says_why(self, fields, name, message):
        errors = errors_of(fields)
        assert list(errors) == [name]
        assert message in str(errors[name])

    @pytest.mark.parametrize(
        ("field", "row", "subfield"),
        [
            ("contact", {"email": "nobody"}, "email"),
            ("contact", {"url": "javascript:alert(1)"}, "url"),
            ("publisher", {"uri": "vbscript:x"}, "uri"),
            ("spatial_coverage", {"bbox": "4, 45, 200, 46"}, "bbox"),
            ("spatial_coverage", {"bbox": "6, 45, 4, 46"}, "bbox"),
            (
                "spatial_coverage",
                {"geom": '{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}'},
                "geom",
            ),
            ("temporal_coverage", {"start": "2024", "end": "2023"}, "end"),
            ("conformity", {"degree": "perhaps"}, "degree"),
        ],
    )
    def test_an_error_in_a_repeated_group_names_row_and_subfield(self, field, row, subfield):
        good = {
            "contact": {"name": "DDT"},
            "temporal_coverage": {"start": "2020", "end": "2020"},
        }.get(field, {})
        errors = errors_of({field: [good, row] if good else [row]})
        assert list(errors) == [field]
        assert list(errors[field][-1]) == [subfield]

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "data:text/html,x", "java\nscript:alert(1)", "www.ain.fr"]
    )
    def test_a_resource_must_have_an_address_that_can_be_followed(self, url):
        errors = errors_of({"resources": [{"url": url}]})
        assert list(errors["resources"][0]) == ["url"]

    def test_a_complete_dataset_has_no_error(self):
        assert errors_of(samples.full(name="no-other-has-this-name")) == {}


@saved
class TestFootprint:
    def test_comes_from_the_extents(self, create):
        assert json.loads(create(samples.full())["spatial"]) == samples.BOX

    def test_comes_from_the_territories_when_there_is_no_extent(self, create):
        shown = create({"title": "T", "name": "tt", "territory": [samples.AIN]})
        assert json.loads(shown["spatial"]) == samples.BOX

    def test_a_geometry_that_was_given_stays(self, create):
        point = {"type": "Point", "coordinates": [5.2, 46.2]}
        shown = create(
            {"title": "T", "name": "tt", "territory": [samples.AIN], "spatial": json.dumps(point)}
        )
        assert json.loads(shown["spatial"]) == point

    def test_follows_the_territory_when_that_changes(self, create, act):
        shown = create({"title": "T", "name": "tt", "territory": [samples.AIN]})
        changed = act("package_patch", id=shown["id"], territory=["departement-73"])
        assert json.loads(changed["spatial"])["coordinates"][0][0] == [5.62, 45.05]

    def test_goes_away_with_the_last_territory(self, create, act):
        shown = create({"title": "T", "name": "tt", "territory": [samples.AIN]})
        changed = act("package_patch", id=shown["id"], territory=[])
        assert "spatial" not in changed

    def test_a_given_geometry_stays_when_the_territory_changes(self, create, act):
        point = json.dumps({"type": "Point", "coordinates": [5.2, 46.2]})
        shown = create({"title": "T", "name": "tt", "territory": [samples.AIN], "spatial": point})
        changed = act("package_patch", id=shown["id"], territory=["departement-73"])
        assert changed["spatial"] == point


@saved
class TestIndexing:
    def test_a_full_dataset_is_found(self, create, act):
        create(samples.full())
        found = act("package_search", q="name:zones-inondables-ain")
        assert found["results"][0]["theme"] == samples.FULL["theme"]

    def test_a_very_long_lineage_does_not_keep_a_dataset_out_of_the_index(self, create, act):
        create(
            {
                "title": "T",
                "name": "long",
                "provenance": "é" * 30_000,
                "use_conditions": "x" * 30_000,
            }
        )
        assert act("package_search", q="name:long")["count"] == 1

    def test_other_information_is_not_searched(self, create, act):
        create(
            {
                "title": "T",
                "name": "tt",
                "other_information": [{"subject": "contact", "text": "Bourgmayer"}],
            }
        )
        assert act("package_search", q="Bourgmayer")["count"] == 0
        assert (
            act("package_search", q="name:tt")["results"][0]["other_information"][0]["text"]
            == "Bourgmayer"
        )

    def test_a_year_is_indexed_as_its_first_day(self, create, act):
        create({"title": "T", "name": "year", "metadata_date": "2005"})
        found = act(
            "package_search", fq="metadata_date:[2005-01-01T00:00:00Z TO 2005-01-01T00:00:00Z]"
        )
        assert found["count"] == 1
