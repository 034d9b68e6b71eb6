"""Rules for reference systems, scales and resolutions: any spelling to a code or a number."""

import pytest

from ckanext.ecosphere.harvest.normalise.reference import epsg_codes, read_scale
from ckanext.ecosphere.harvest.record import Constraint, Identifier, Resolution, Term
from ckanext.ecosphere.harvest.tests.making import codes, dataset, result


@pytest.mark.parametrize(
    ("code", "codespace", "href", "found"),
    [
        ("2154", "EPSG", "http://www.opengis.net/def/crs/EPSG/0/2154", ["2154"]),
        ("2154", "EPSG", None, ["2154"]),
        ("2154", "urn:ogc:def:crs:EPSG:6.11", None, ["2154"]),
        ("2154", None, None, ["2154"]),
        ("2154", "INSPIRE RS registry", None, []),
        ("EPSG:2154", None, None, ["2154"]),
        ("EPSG 2154", None, None, ["2154"]),
        ("RGF93 / Lambert-93 (EPSG:2154)", "EPSG", None, ["2154"]),
        ("urn:ogc:def:crs:EPSG:2154", None, None, ["2154"]),
        ("urn:ogc:def:crs:EPSG::27700", None, None, ["27700"]),
        ("urn:ogc:def:crs:EPSG:6.18:2154", None, None, ["2154"]),
        ("http://www.opengis.net/def/crs/EPSG/0/4326", None, None, ["4326"]),
        ("Lambert 93", "EPSG", None, ["2154"]),
        ("RGF93 Lambert 93", "x", "http://interop.ign.fr/registres/IGNF.xml#RGF93LAMB93", ["2154"]),
        (
            "RGF93 Lambert 93 et NGF-IGN 1969",
            "x",
            "http://a/IGNF.xml#RGF93LAMB93.IGN69",
            ["2154", "5720"],
        ),
        ("Lambert II étendu", None, None, ["27572"]),
        ("CC48", None, None, ["3948"]),
        ("EPSG:2056, EPSG:21781, EPSG:3857", None, None, ["2056", "21781", "3857"]),
        ("WGS84", None, None, ["4326"]),
        ("système local", None, None, []),
        ("EPSG:2154+5720", None, None, ["2154", "5720"]),
        ("RGF93", None, "https://registre.ign.fr/ign/IGNF/crs/RGF93LAMB93.IGN69", ["2154", "5720"]),
        ("RGF93 v2b / CC49", None, None, ["9849"]),
        ("RGF93 / CC49", None, None, ["3949"]),
    ],
)
def test_a_reference_system_is_known_by_its_address_its_code_or_its_name(
    code, codespace, href, found
):
    assert epsg_codes(Identifier(code, codespace, href)) == found


GEOGRAPHIC = (
    'GEOGCS["RGF93",DATUM["RGF_1993",SPHEROID["GRS 1980",6378137,298.25,AUTHORITY["EPSG","7019"]],'
    'AUTHORITY["EPSG","6171"]],UNIT["degree",0.01,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4171"]]'
)
PROJECTED = f'PROJCS["RGF93 / Lambert-93",{GEOGRAPHIC},UNIT["metre",1,AUTHORITY["EPSG","9001"]],AUTHORITY["EPSG","2154"]]'
HEIGHTS = (
    'VERT_CS["NGF-IGN69",VERT_DATUM["NGF",2005,AUTHORITY["EPSG","5119"]],AUTHORITY["EPSG","5720"]]'
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (PROJECTED, ["2154"]),
        (GEOGRAPHIC, ["4171"]),
        (f'COMPD_CS["RGF93 / Lambert-93 + NGF-IGN69",{PROJECTED},{HEIGHTS}]', ["2154", "5720"]),
        (f'COMPD_CS["a + b",{PROJECTED},{HEIGHTS},AUTHORITY["EPSG","5698"]]', ["5698"]),
        (
            'PROJCRS["x",BASEGEOGCRS["y",ID["EPSG",4171]],CONVERSION["z",METHOD["m",ID["EPSG",9802]]],ID["EPSG",2154]]',
            ["2154"],
        ),
        (
            'PROJCS["RGF_1993_Lambert_93",GEOGCS["GCS_RGF_1993",UNIT["Degree",0.0174532925199433]]]',
            ["2154"],
        ),
        ('PROJCS["local",GEOGCS["WGS 84",AUTHORITY["EPSG","4326"]]]', []),
        ('PROJCS["' + "(" * 50_000, []),
    ],
)
def test_a_system_in_well_known_text_is_the_whole_and_not_what_it_is_made_of(text, found):
    assert epsg_codes(Identifier(text)) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Fort Desaix / UTM 20N", ["2973"]),
        ("UTM 20N, Fort Desaix", ["2973"]),
        ("Guadeloupe Ste Anne / UTM 20N", ["2970"]),
        ("CSG67 / UTM 22N", ["2971"]),
        ("Combani 1950 / UTM 38S", ["2980"]),
        ("ED50 / UTM 31N", ["23031"]),
        ("ETRS89 / UTM 32N", ["25832"]),
        ("WGS84/UTM40S", ["32740"]),
        ("WGS_1984_UTM_Zone_40S", ["32740"]),
        ("RGR92 UTM Sud fuseau 40", ["2975"]),
        ("IGNF:MART38UTM20", ["2973"]),
        ("WGS84 UTM 31N et Lambert 93", ["32631", "2154"]),
        ("Projection UTM 20N", ["32620"]),
        ("NTF / UTM 31N", []),
        ("RGF93 / UTM 31N", []),
        ("ED50, projection UTM 31N", []),
        ("Système de 1926 / UTM 20N", []),
    ],
)
def test_a_utm_zone_is_of_the_geodetic_system_named_beside_it(name, found):
    assert epsg_codes(Identifier(name)) == found


def test_reference_systems_become_addresses_each_once_and_unknown_ones_are_told():
    made = result(
        reference_systems=[
            Identifier("Lambert 93"),
            Identifier("EPSG:2154"),
            Identifier("grégorien", "INSPIRE RS registry"),
            Identifier("repère du garage"),
        ]
    )
    assert made.dataset["reference_system"] == ["http://www.opengis.net/def/crs/EPSG/0/2154"]
    assert "referenceSystemInfo: repère du garage" in made.unread
    assert codes(made) >= {"reference-system"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("25000", 25000),
        ("25 000", 25000),
        ("25000.0", 25000),
        ("1:25000", 25000),
        ("1/25 000e", 25000),
        ("Échelle : 1/10 000", 10000),
        ("0", None),
        ("-5", None),
        ("grande", None),
        ("1:" + "9" * 5000, None),
        ("9" * 5000, None),
    ],
)
def test_a_scale_is_read_in_its_usual_spellings(written, read):
    assert read_scale(written) == read


def test_the_finest_scale_counts_and_one_in_the_licence_is_found():
    assert dataset(scales=["100000", "25000"])["scale_denominator"] == "25000"
    limits = [Constraint("legal", use_limitations=[Term("Utilisable au 1/25 000 au plus")])]
    assert dataset(constraints=limits)["scale_denominator"] == "25000"
    assert codes(result(scales=["grande"])) >= {"scale"}
    unfilled = result(scales=["1"])
    assert "scale_denominator" not in unfilled.dataset
    assert "scale" in codes(unfilled)


@pytest.mark.parametrize(
    ("value", "unit", "metres"),
    [
        ("10", "m", "10"),
        ("200", "http://standards.iso.org/ittf/resources/uom/ML_gmxUom.xml#m", "200"),
        ("5", "urn:ogc:def:uom:EPSG::9001", "5"),
        ("1", "km", "1000"),
        ("50", "cm", "0.5"),
        ("0,5", "m", "0.5"),
        ("25", None, "25"),
        ("10", "../resources/uom/gmxUom.xml#m", "10"),
        ("5", "gmxUom.xml#km", "5000"),
        ("2", "gmxUom.xml#xpointer(//*[@gml:id='m'])", "2"),
        ("1", "gmxUom.xml#deg", None),
        ("1/2", "m", None),
        ("1 000", "m", "1000"),
        ("10 000", "m", "10000"),
        ("1\u202f250,5", "m", "1250.5"),
        ("1\u00a0000 m", "m", "1000"),
        ("25 50", "m", "25"),
        ("0.01", "degré", None),
        ("20 cm", None, "0.2"),
        ("20 cm", "m", "0.2"),
        ("0,1 seconde d’arc", None, None),
        ("1 m (planimétrie)", None, "1"),
        ("0.5", "m/pixel", "0.5"),
        ("beaucoup", "m", None),
        ("0", "m", None),
        ("9" * 400, "m", None),
    ],
)
def test_a_resolution_is_brought_to_metres(value, unit, metres):
    assert (
        dataset(resolutions=[Resolution(value, unit)]).get("spatial_resolution_in_meters") == metres
    )


@pytest.mark.parametrize("value", ["1/25000", "1:25 000", "Échelle 1/25000"])
def test_a_scale_written_for_a_distance_is_the_scale(value):
    made = dataset(resolutions=[Resolution(value, "m")])
    assert (made.get("scale_denominator"), made.get("spatial_resolution_in_meters")) == (
        "25000",
        None,
    )


def test_a_fraction_of_a_metre_is_told():
    made = result(resolutions=[Resolution("1/2", "m")])
    assert codes(made) >= {"resolution"}
    assert "spatialResolution: 1/2 m" in made.unread
