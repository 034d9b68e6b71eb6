"""Datasets for the quality tests: one that meets every criterion,
and changes to it that give every other result.
"""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

TODAY = date(2025, 6, 15)
EU = "http://publications.europa.eu/resource/authority"
INSPIRE = "http://inspire.ec.europa.eu"


def resource(**changes: Any) -> dict[str, Any]:
    """Return a well-described GeoPackage resource, with `changes`."""
    return {
        "id": "gpkg",
        "url": "https://data.example.org/zones.gpkg",
        "name": "Zones humides (GeoPackage)",
        "description": "Toutes les zones, une couche par type.",
        "format": "GeoPackage",
        "resource_role": "data",
    } | changes


COMPLETE: dict[str, Any] = {
    "title": "Zones humides de la Loire",
    "name": "zones-humides-loire",
    "notes": "Inventaire des zones humides du département de la Loire, établi par relevés de terrain "
    "et photo-interprétation. Chaque zone porte son type, sa surface et la date du relevé. Les zones de "
    "moins de mille mètres carrés sont absentes.",
    "tags": [{"name": "zone humide"}, {"name": "inventaire"}, {"name": "biodiversité"}],
    "owner_org": "ddt-42",
    "license_id": "etalab-2.0",
    "dcat_type": f"{INSPIRE}/metadata-codelist/ResourceType/dataset",
    "theme": [
        "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres/amenagement-et-urbanisme"
    ],
    "territory": ["http://id.insee.fr/geo/departement/42"],
    "temporal_coverage": [{"start": "2019-01-01", "end": "2024-12-31"}],
    "provenance": "Relevés de terrain 2019-2024, numérisés sur la BD ORTHO de l'IGN.",
    "scale_denominator": "5000",
    "reference_system": ["http://www.opengis.net/def/crs/EPSG/0/2154"],
    "documentation": ["https://data.example.org/zones-humides.pdf"],
    "access_rights": f"{EU}/access-right/PUBLIC",
    "contact": [{"name": "DDT de la Loire", "email": "sig@example.org"}],
    "creator": [{"name": "DDT de la Loire"}],
    "frequency": f"{EU}/frequency/ANNUAL",
    "issued": "2019-03-01",
    "modified": "2025-01-10",
    "resources": [resource()],
}


def dataset(**changes: Any) -> dict[str, Any]:
    """Return the complete dataset with `changes`; a value of None removes the field."""
    data = copy.deepcopy(COMPLETE) | changes
    return {name: value for name, value in data.items() if value is not None}


SERVICE = f"{INSPIRE}/metadata-codelist/ResourceType/service"
SERVICE_FIELDS = {"dcat_type": SERVICE, "endpoint_url": ["https://data.example.org/wms"]}
REPOSITORY = "https://git.example.org/zones"
CODE = {"dcat_type": "https://schema.org/SoftwareSourceCode", "code_repository": REPOSITORY}
NOTE = {"url": "https://x.org/notice.csv", "name": "Dictionnaire des données", "format": "CSV"}
UNRELATED = {
    "url": "https://x.org/files/prix.csv",
    "name": "Prix des carburants",
    "format": "CSV",
    "resource_role": "data",
}
EXPORT = "https://x.org/explore/dataset/n_zh_042/download?format="
LIMIT = f"{INSPIRE}/metadata-codelist/LimitationsOnPublicAccess"
EMPTY_TABLE = {
    "resources": [resource(format="CSV", url="https://x.org/a.csv")],
    "scale_denominator": None,
    "reference_system": None,
}
OK = {"https://data.example.org/zones.gpkg": True}
BROKEN = {"https://data.example.org/zones.gpkg": False}

#: (criterion, state, changes to the complete dataset, states of the links): every state that a
#: criterion can have.
CASES: list[tuple[str, str, dict[str, Any], dict[str, bool]]] = [
    ("description", "pass", {}, {}),
    ("description", "pass", {"notes": "é" * 100}, {}),
    ("description", "fail", {"notes": "é" * 99}, {}),
    ("description", "fail", {"notes": "<p>" + "<b></b>" * 50 + "court</p>"}, {}),
    ("description", "fail", {"title": "x" * 150, "notes": "X" * 150}, {}),
    ("description_detailed", "pass", {"notes": "é" * 200}, {}),
    ("description_detailed", "fail", {"notes": "é" * 199}, {}),
    ("theme", "pass", {}, {}),
    ("theme", "pass", {"theme": None, "inspire_theme": [f"{INSPIRE}/theme/hy"]}, {}),
    ("theme", "fail", {"theme": []}, {}),
    ("theme", "fail", {"theme": ["à compléter"]}, {}),
    ("keywords", "pass", {}, {}),
    ("keywords", "fail", {"tags": [{"name": "eau"}, {"name": "loire"}]}, {}),
    ("keywords", "fail", {"tags": [{"name": "eau"}] * 3}, {}),
    ("territory", "pass", {}, {}),
    ("territory", "pass", {"territory": None, "spatial": '{"type": "Point", "coordinates": [4, 45]}'}, {}),
    ("territory", "pass", {"territory": None, "spatial_coverage": [{"text": "Loire"}]}, {}),
    ("territory", "fail", {"territory": None}, {}),
    ("temporal_coverage", "pass", {}, {}),
    ("temporal_coverage", "pass", {"temporal_coverage": [{"start": "2019"}]}, {}),
    ("temporal_coverage", "fail", {"temporal_coverage": []}, {}),
    ("temporal_coverage", "fail", {"temporal_coverage": [{"start": "non renseigné"}]}, {}),
    ("temporal_coverage", "na", {"temporal_coverage": None, "dcat_type": SERVICE}, {}),
    ("temporal_order", "pass", {}, {}),
    ("temporal_order", "pass", {"temporal_coverage": [{"start": "2020-06-01", "end": "2020"}]}, {}),
    ("temporal_order", "fail", {"temporal_coverage": [{"start": "2020", "end": "2019"}]}, {}),
    ("temporal_order", "na", {"temporal_coverage": [{"start": "2020"}]}, {}),
    ("temporal_order", "missing", {"temporal_coverage": []}, {}),
    ("territory", "na", {"territory": None, **CODE}, {}),
    ("frequency", "na", {"frequency": None, **CODE}, {}),
    ("use_conditions", "na", {"license_id": None, **CODE}, {}),
    ("resolution", "na", {"scale_denominator": None, **CODE}, {}),
    ("reference_system", "na", {"reference_system": None, **CODE}, {}),
    ("lineage", "pass", {}, {}),
    ("lineage", "fail", {"provenance": "Relevés"}, {}),
    ("lineage", "fail", {"provenance": None}, {}),
    ("lineage", "fail", {"provenance": "Numérisation cadastrale intercommunale"}, {}),  # three words, 38 characters
    ("lineage", "fail", {"provenance": "Voir la notice et les fichiers de données du service producteur"}, {}),
    ("lineage", "fail", {"provenance": "Inventaire des zones humides du département de la Loire, établi par relevés "
    "de terrain"}, {}),  # the beginning of the description
    ("lineage", "fail", {"provenance": "Zones humides de la Loire : relevés, numérisation"}, {}),  # mostly the title
    ("lineage", "na", {"provenance": None, "dcat_type": SERVICE}, {}),
    ("resolution", "pass", {}, {}),
    ("resolution", "pass", {"scale_denominator": None, "spatial_resolution_in_meters": 0.5}, {}),
    ("resolution", "fail", {"scale_denominator": None}, {}),
    ("resolution", "na", EMPTY_TABLE, {}),
    ("resolution", "na", {"spatial_representation": f"{INSPIRE}/x/textTable"}, {}),
    ("reference_system", "pass", {}, {}),
    ("reference_system", "fail", {"reference_system": None}, {}),
    ("reference_system", "na", EMPTY_TABLE, {}),
    ("resources_documented", "pass", {}, {}),
    ("resources_documented", "fail", {"resources": [resource(), resource(id="b", description="")]}, {}),
    ("resources_documented", "fail", {"resources": [resource(name="Sans objet")]}, {}),
    ("resources_documented", "missing", {"resources": []}, {}),
    ("specification", "pass", {}, {}),
    ("specification", "pass", {"documentation": None, "conforms_to": ["https://example.org/standard"]}, {}),
    ("specification", "fail", {"documentation": None}, {}),
    ("data_access", "pass", {}, {}),
    ("data_access", "pass", {"resources": [resource(url="zones.gpkg", url_type="upload")]}, {}),
    ("data_access", "fail", {"resources": []}, {}),
    ("data_access", "pass", {"resources": [], **SERVICE_FIELDS}, {}),
    ("data_access", "fail", {"resources": [], "dcat_type": SERVICE}, {}),
    ("data_access", "fail", {"resources": [], **SERVICE_FIELDS, "endpoint_url": ["https://x.rie.gouv.fr/wms"]}, {}),
    ("data_access", "pass", {"resources": [], **CODE}, {}),
    ("data_access", "fail", {"resources": [], **CODE, "code_repository": None}, {}),
    ("data_access", "fail", {"resources": [], "code_repository": REPOSITORY}, {}),
    ("data_access", "fail", {"resources": [resource(url="https://carto.rie.gouv.fr/z.gpkg")]}, {}),
    ("data_access", "fail", {"resources": [resource(network="intranet")]}, {}),
    ("data_access", "fail", {"resources": [resource(resource_role="documentation", format="PDF")]}, {}),
    ("data_access", "fail", {"resources": [resource(url="javascript:alert(1)")]}, {}),
    ("direct_access", "pass", {}, {}),
    ("direct_access", "pass", {"resources": [resource(format="", protocol="OGC:WFS",
    url="https://x.org/wfs?")]}, {}),
    ("direct_access", "fail", {"resources": [resource(format="WMS", url="https://x.org/wms?")]}, {}),
    ("direct_access", "fail", {"resources": [resource(format="HTML", url="https://x.org/carte")]}, {}),
    ("direct_access", "missing", {"resources": []}, {}),
    ("direct_access", "na", {**SERVICE_FIELDS, "resources": [resource(format="WMS", url="https://x.org/wms?")]}, {}),
    ("open_format", "pass", {}, {}),
    ("open_format", "pass", {"resources": [resource(format="SHP"), resource(id="b", format="GeoJSON")]}, {}),
    ("open_format", "fail", {"resources": [resource(format="SHP")]}, {}),
    ("open_format", "fail", {"resources": [resource(format="PDF")]}, {}),
    ("open_format", "missing", {"resources": []}, {}),
    ("open_format", "fail", {}, BROKEN),
    ("open_format", "fail", {"resources": [resource(format="SHP"), NOTE]}, {}),
    ("open_format", "fail", {"resources": [resource(format="SHP"), {**NOTE, "resource_role": "data"}]}, {}),
    ("open_format", "fail", {"resources": [resource(format="SHP"), UNRELATED]}, {}),
    ("open_format", "fail", {"resources": [resource(format="SHP"), {**UNRELATED, "format": "JSON"}]}, {}),
    ("open_format", "pass", {"resources": [resource(format="SHP"), {**UNRELATED, "name": "Zones (CSV)"}]}, {}),
    ("open_format", "pass", {"resources": [resource(format="SHP", url=f"{EXPORT}shp"), {**UNRELATED, "name": "csv",
    "url": f"{EXPORT}csv"}]}, {}),
    ("open_format", "pass", {"resources": [UNRELATED]}, {}),  # nothing with a geometry to be related to
    ("data_access", "fail", {"resources": [NOTE]}, {}),
    ("data_access", "fail", {"resources": [{**UNRELATED, "name": "Liste des attributs", "resource_role": None}]}, {}),
    ("open_format", "na", {"resources": [], **SERVICE_FIELDS}, {}),
    ("open_format", "na", {"resources": [], **CODE}, {}),
    ("answers", "pass", {}, {}),
    ("answers", "pass", {"resources": [resource(), resource(id="b", url="https://x.org/b.gpkg")]}, BROKEN),
    ("answers", "fail", {}, BROKEN),
    ("answers", "missing", {"resources": []}, {}),
    ("answers", "pass", {"resources": [], **CODE}, {}),
    ("answers", "fail", {"resources": [], **CODE}, {REPOSITORY: False}),
    ("links_work", "pass", {}, OK),
    ("links_work", "pass", {"resources": [resource(url="zones.gpkg", url_type="upload")]}, {}),
    ("links_work", "fail", {}, BROKEN),
    ("links_work", "unknown", {}, {}),
    ("links_work", "unknown", {"resources": [resource(), resource(id="b", url="https://x.org/b.gpkg")]}, OK),
    ("links_work", "missing", {"resources": []}, {}),
    ("links_work", "na", {"resources": [], **SERVICE_FIELDS}, {}),
    ("links_work", "unknown", {"resources": [], **CODE}, {}),
    ("links_work", "pass", {"resources": [], **CODE}, {REPOSITORY: True}),
    ("access_rights", "pass", {}, {}),
    ("access_rights", "pass", {"access_rights": None, "access_limitation": [f"{LIMIT}/noLimitations"]}, {}),
    ("access_rights", "pass", {"access_rights": f"{EU}/access-right/RESTRICTED", "access_conditions":
    "Secret"}, {}),
    ("access_rights", "fail", {"access_rights": f"{EU}/access-right/RESTRICTED"}, {}),
    ("access_rights", "fail", {"access_rights": None}, {}),
    ("licence", "pass", {}, {}),
    ("licence", "pass", {"license_id": "", "resources":
    [resource(license="http://spdx.org/licenses/ODbL-1.0")]}, {}),
    ("licence", "fail", {"license_id": "notspecified"}, {}),
    ("licence", "fail", {"license_id": None}, {}),
    ("licence_open", "pass", {}, {}),
    ("licence_open", "fail", {"license_id": "cc-nc"}, {}),
    ("licence_open", "fail", {"license_id": "une-licence-maison"}, {}),
    ("licence_open", "missing", {"license_id": None}, {}),
    ("licence_open", "na", {"access_rights": f"{EU}/access-right/NON_PUBLIC"}, {}),
    ("use_conditions", "pass", {"license_id": None, "use_conditions": "Citer la source."}, {}),
    ("use_conditions", "pass", {"license_id": "cc-nc"}, {}),
    ("use_conditions", "fail", {"license_id": None}, {}),
    ("use_conditions", "na", {}, {}),
    ("contact", "pass", {}, {}),
    ("contact", "pass", {"contact": None, "maintainer_email": "sig@example.org"}, {}),
    ("contact", "fail", {"contact": [{"name": "DDT"}]}, {}),
    ("contact", "fail", {"contact": None}, {}),
    ("producer", "pass", {}, {}),
    ("producer", "pass", {"creator": None}, {}),
    ("producer", "fail", {"creator": None, "owner_org": None}, {}),
    ("frequency", "pass", {}, {}),
    ("frequency", "pass", {"frequency": f"{EU}/frequency/NEVER"}, {}),
    ("frequency", "fail", {"frequency": f"{EU}/frequency/UNKNOWN"}, {}),
    ("frequency", "fail", {"frequency": None}, {}),
    ("on_time", "pass", {}, {}),
    ("on_time", "fail", {"modified": "2024-01-10"}, {}),
    ("on_time", "fail", {"modified": "2025-01-10", "next_update": "2025-05-01"}, {}),
    ("on_time", "na", {"frequency": f"{EU}/frequency/NEVER"}, {}),
    ("on_time", "missing", {"frequency": None}, {}),
    ("on_time", "na", {"dcat_type": SERVICE}, {}),
    ("on_time", "fail", {"modified": "2024-01-10", "status": f"{EU}/dataset-status/COMPLETED"}, {}),
    ("on_time", "na", {"modified": "2024-01-10", "status": f"{EU}/dataset-status/DISCONT"}, {}),
    ("on_time", "missing", {"modified": None, "issued": None}, {}),
    ("kept_up", "pass", {}, {}),
    ("kept_up", "pass", {"modified": "2024-01-10"}, {}),  # the edition of 2025 is late
    ("kept_up", "fail", {"modified": "2023-01-10"}, {}),  # those of 2024 and 2025 are
    ("kept_up", "na", {"frequency": None, "modified": "2015-01-10"}, {}),
    ("kept_up", "na", {"modified": "2015-01-10", "status": f"{EU}/dataset-status/DISCONT"}, {}),
    ("kept_up", "na", {"modified": "2015-01-10", **CODE}, {}),
    ("current", "pass", {}, {}),
    ("current", "fail", {"modified": "2024-01-10"}, {}),
    ("current", "pass", {"frequency": None}, {}),
    ("current", "fail", {"frequency": None, "modified": "2019-06-01"}, {}),
    ("current", "fail", {"frequency": f"{EU}/frequency/IRREG", "modified": "2019-06-01"}, {}),
    ("current", "fail", {"status": f"{EU}/dataset-status/DISCONT", "modified": "2019-06-01"}, {}),
    ("current", "na", {"frequency": f"{EU}/frequency/NEVER", "modified": "2019-06-01"}, {}),
    ("current", "missing", {"modified": None, "issued": None}, {}),
    ("current", "na", {"modified": "2019-06-01", **CODE}, {}),
    ("dates", "pass", {}, {}),
    ("dates", "fail", {"modified": "non renseigné", "issued": None}, {}),
    ("dates_order", "pass", {}, {}),
    ("dates_order", "fail", {"modified": "2018-01-01", "frequency": None}, {}),
    ("dates_order", "na", {"issued": None}, {}),
    ("dates_order", "missing", {"issued": None, "modified": None}, {}),
]  # fmt: skip
