"""Schema plugin: settings for other extensions, health checks, display of values."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ecosphere.interfaces import CheckStatus
from ckanext.ecosphere.schemas import checks, wording
from ckanext.ecosphere.schemas import config as options

PLUGINS = "ecosphere_schemas ecosphere scheming_datasets"


class TestDefaults:
    @pytest.mark.usefixtures("portal_of_the_class")
    class TestWhenNothingIsSet:
        def test_the_profile_and_the_licences_are_ours(self):
            config: dict[str, Any] = {"ckanext.dcat.rdf.profiles": ["euro_dcat_ap_3"]}
            options.set_defaults(config)
            assert config["ckanext.dcat.rdf.profiles"] == "ecosphere_dcat_ap"
            assert config["licenses_group_url"] == f"file://{options.REGISTER}"

        def test_what_the_administrator_chose_stays(self):
            chosen = {
                "ckanext.dcat.rdf.profiles": "euro_dcat_ap_2 my_profile",
                "licenses_group_url": "file:///x.json",
            }
            config: dict[str, Any] = dict(chosen)
            options.set_defaults(config)
            assert {name: config[name] for name in chosen} == chosen

    @pytest.mark.usefixtures("with_plugins")
    @pytest.mark.ckan_config("ecosphere.schemas.own_rdf_profile", "false")
    @pytest.mark.ckan_config("ecosphere.schemas.own_licences", "false")
    def test_both_can_be_switched_off(self):
        config: dict[str, Any] = {"ckanext.dcat.rdf.profiles": "euro_dcat_ap_3"}
        options.set_defaults(config)
        assert config["ckanext.dcat.rdf.profiles"] == "euro_dcat_ap_3"
        assert "licenses_group_url" not in config


class TestChecks:
    @pytest.mark.usefixtures("with_plugins", "with_request_context")
    def test_all_is_well(self):
        (check,) = checks.run()
        assert check.status is CheckStatus.OK

    @pytest.mark.ckan_config("ckan.plugins", PLUGINS)
    @pytest.mark.ckan_config("scheming.dataset_schemas", "ckanext.scheming:camel_photos.yaml")
    @pytest.mark.usefixtures("with_plugins", "with_request_context")
    def test_another_schema_is_an_error(self):
        (check,) = checks.run()
        assert check.status is CheckStatus.ERROR
        assert "scheming.dataset_schemas" in check.remedy


@pytest.mark.ckan_config("ckan.plugins", PLUGINS)
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_the_room_works_without_the_others(app, create):
    from ckanext.ecosphere.schemas.tests import samples

    create(samples.full())
    page = app.get("/fr/dataset/zones-inondables-ain").body
    assert "Prévention des inondations" in page
    found = tk.get_action("package_search")({"ignore_auth": True}, {"q": "CEREMA"})
    assert found["count"] == 1


@pytest.fixture
def french(app: Any) -> Any:
    """A request context for a French page."""
    with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        yield


@pytest.mark.usefixtures("with_plugins", "french")
class TestWhatPeopleRead:
    @pytest.mark.parametrize(
        ("date", "text"),
        [
            ("2024-03-31", "31 mars 2024"),
            ("2024-03-01", "1er mars 2024"),
            ("2024-03", "mars 2024"),
            ("2024", "2024"),
            ("2020-01-02T10:30:00", "2 janvier 2020"),
            ("bientôt", "bientôt"),
        ],
    )
    def test_a_date(self, date, text):
        assert wording.ecosphere_date_text(date) == text

    @pytest.mark.parametrize(
        ("box", "text"),
        [
            ("4.72, 45.61, 6.18, 46.52", "4.72, 45.61, 6.18, 46.52"),
            ("-61.81, 15.83, -61, 16.52", "-61.81, 15.83, -61.0, 16.52"),
            ("179.5, -16, -174, -10", "179.5, -16.0, -174.0, -10.0"),
            ("no box", "no box"),
        ],
    )
    def test_a_box(self, box, text):
        from ckanext.ecosphere.schemas.places import GeometryError, parse_box

        try:
            stored: Any = parse_box(box)
        except GeometryError:
            stored = box
        assert wording.ecosphere_box_text(stored) == text

    @pytest.mark.parametrize(
        ("box", "text"),
        [
            ([4.72, 45.61, 6.18, 46.520001], "longitude 4,72° à 6,18°, latitude 45,61° à 46,52°"),
            ("179.5, -16, -174, -10", "longitude 179,5° à -174°, latitude -16° à -10°"),
            (
                {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 1], [0, 0]]]},
                "longitude 0° à 1°, latitude 0° à 1°",
            ),
            ("no box", "no box"),
        ],
    )
    def test_a_box_as_people_read_it(self, box, text):
        assert wording.ecosphere_extent_text(box) == text

    def test_a_polygon_that_is_no_box_stays_geojson(self):
        triangle = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 1], [0, 0]]]}
        assert wording.ecosphere_box_text(triangle).startswith('{"type": "Polygon"')

    def test_numbers(self):
        assert wording.ecosphere_number_text("25000").replace("\u202f", " ") == "25 000"
        assert wording.ecosphere_number_text("x") == "x"
