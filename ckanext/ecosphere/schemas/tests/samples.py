"""Sample datasets: with every field, as created by a harvest, and with unusual values."""

from __future__ import annotations

import copy
from typing import Any

DIM = "http://publications.europa.eu/resource/authority"
INSPIRE = "http://inspire.ec.europa.eu"
THEMES = "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres"
AIN = "http://id.insee.fr/geo/departement/01"
BOX = {
    "type": "Polygon",
    "coordinates": [[[4.72, 45.61], [6.18, 45.61], [6.18, 46.52], [4.72, 46.52], [4.72, 45.61]]],
}

AGENT = {
    "name": "DDT de l'Ain",
    "email": "ddt-sig@ain.example.org",
    "url": "https://www.ain.gouv.fr",
    "uri": "https://annuaire.example.org/ddt-01",
    "type": "http://purl.org/adms/publishertype/NationalAuthority",
    "identifier": "13000000000001",
}

FULL: dict[str, Any] = {
    "title": "Zones inondables de l'Ain en 2023",
    "title_translated": {
        "de": "Überschwemmungsgebiete der Ain 2023",
        "en": "Flood-prone areas of the Ain in 2023",
        "fr": "Zones inondables de l'Ain en 2023",
        "pt-BR": "Áreas inundáveis do Ain em 2023",
    },
    "name": "zones-inondables-ain",
    "notes": "Zones inondables par débordement de l'Ain. Trois scénarios. Hors ruissellement.",
    "notes_translated": {
        "en": "Areas flooded by the Ain.\n\nThree scenarios. Runoff is not covered.",
        "fr": "Zones inondables par débordement de l'Ain. Trois scénarios. Hors ruissellement.",
    },
    "tags": [{"name": "cours d'eau"}, {"name": "inondation"}],
    "license_id": "etalab-2.0",
    "url": "https://www.ain.gouv.fr/zones-inondables",
    "version": "2023.1",
    "theme": [f"{THEMES}/risques", f"{THEMES}/prevention-des-inondations"],
    "territory": [AIN],
    "contact": [
        {
            "name": "Unité SIG",
            "email": "ddt-sig@ain.example.org",
            "unit": "Pôle géomatique",
            "telephone": "+33 4 74 45 62 37",
            "url": "https://www.ain.gouv.fr/contact",
            "uri": "https://annuaire.example.org/ddt-01/sig",
            "identifier": "sig-01",
        }
    ],
    "access_rights": f"{DIM}/access-right/RESTRICTED",
    "dcat_type": f"{INSPIRE}/metadata-codelist/ResourceType/dataset",
    "provenance": "Modélisation hydraulique à partir du RGE Alti de 2021.",
    "source": ["RGE Alti (IGN)", "https://geo.example.org/bd-topo"],
    "method": "Modélisation en deux dimensions, puis contrôle sur le terrain.",
    "quality_measure": [
        {
            "dimension": "positional-accuracy",
            "name": "Erreur moyenne quadratique",
            "value": "2,5",
            "unit": "m",
        },
        {"dimension": "omission", "value": "2 %"},
    ],
    "version_notes": "Scénario extrême ajouté.",
    "other_information": [
        {"subject": "purpose", "text": "Prévenir les inondations : cartes.\n\nAussi pour les PLU."},
        {"subject": "contact", "text": "23 rue Bourgmayer\n01000 Bourg-en-Bresse"},
    ],
    "scale_denominator": "25000",
    "spatial_resolution_in_meters": "5",
    "reference_system": ["http://www.opengis.net/def/crs/EPSG/0/2154"],
    "spatial_representation": f"{INSPIRE}/metadata-codelist/SpatialRepresentationType/vector",
    "language": [f"{DIM}/language/FRA"],
    "alternate_title": ["ZI 01", "l_zone_inondable_s_001"],
    "topic_category": [f"{INSPIRE}/metadata-codelist/TopicCategory/inlandWaters"],
    "inspire_theme": [f"{INSPIRE}/theme/nz"],
    "eu_theme": [f"{DIM}/data-theme/ENVI"],
    "priority_dataset": [f"{INSPIRE}/metadata-codelist/PriorityDataset/FloodRiskZones-dir-2007-60"],
    "hvd_category": ["http://data.europa.eu/bna/c_dd313021"],
    "regulatory_use": ["impact-study", "water-law"],
    "conforms_to": ["https://standards.example.org/ppr"],
    "conformity": [
        {
            "specification": "Règlement (UE) n° 1089/2010",
            "uri": "http://data.europa.eu/eli/reg/2010/1089",
            "date": "2010-12-08",
            "degree": "conformant",
        },
        {"specification": "Géostandard PPR", "degree": "notEvaluated"},
    ],
    "documentation": ["https://www.ain.gouv.fr/notice.pdf"],
    "is_referenced_by": ["https://hal.example.org/123"],
    "in_series": ["lot-risques-ain"],
    "replaces": ["zones-inondables-2012"],
    "replaced_by": ["zones-inondables-2030"],
    "preview_image": "https://www.ain.gouv.fr/apercu.png",
    "status": f"{DIM}/dataset-status/COMPLETED",
    "spatial_coverage": [{"text": "Vallée de l'Ain", "bbox": "4.72, 45.61, 6.18, 46.52"}],
    "temporal_coverage": [{"start": "2019", "end": "2023-06"}, {"start": "2024-01-01"}],
    "temporal_resolution": "P1Y",
    "frequency": f"{DIM}/frequency/ANNUAL",
    "issued": "2023-07-01",
    "modified": "2024-02-15",
    "created": "2023",
    "next_update": "2025-02",
    "access_limitation": [
        f"{INSPIRE}/metadata-codelist/LimitationsOnPublicAccess/INSPIRE_Directive_Article13_1b"
    ],
    "access_conditions": "Sur demande motivée auprès de la DDT.",
    "use_conditions": "Mention de la source obligatoire.",
    "applicable_legislation": ["http://data.europa.eu/eli/dir/2007/60/oj"],
    "publisher": [AGENT],
    "creator": [{"name": "CEREMA"}, {"name": "DREAL Auvergne-Rhône-Alpes"}],
    "qualified_attribution": [
        {
            "role": f"{INSPIRE}/metadata-codelist/ResponsiblePartyRole/custodian",
            "agent": [{"name": "IGN", "email": "contact@ign.example.org"}],
        }
    ],
    "identifier": "https://catalogue.example.org/zi-01",
    "alternate_identifier": ["fr-120066022-jdd-5a8d8d7a"],
    "metadata_identifier": "fr-120066022-jdd-5a8d8d7a-0b6c",
    "source_record": "https://catalogue.example.org/csw?id=5a8d8d7a",
    "source_catalogue": "Géo-IDE Catalogue",
    "metadata_date": "2024-02-16",
    "resources": [
        {
            "url": "https://www.ain.gouv.fr/zi.zip",
            "name": "Zones inondables, shapefile",
            "name_translated": {
                "en": "Flood-prone areas, shapefile",
                "fr": "Zones inondables, shapefile",
            },
            "description": "Une couche par scénario.",
            "description_translated": {
                "en": "A layer for each scenario.",
                "fr": "Une couche par scénario.",
            },
            "format": "SHP",
            "mimetype": "application/zip",
            "size": 1048576,
            "hash": "d41d8cd98f00b204e9800998ecf8427e",
            "hash_algorithm": "http://spdx.org/rdf/terms#checksumAlgorithm_md5",
            "resource_role": "data",
            "protocol": "HTTP:DOWNLOAD",
            "network": "internet",
            "encoding": "UTF-8",
            "reference_system": ["http://www.opengis.net/def/crs/EPSG/0/2154"],
            "download_url": "https://www.ain.gouv.fr/zi.zip",
            "access_url": "https://www.ain.gouv.fr/zones-inondables",
            "issued": "2023-07-01",
            "modified": "2024-02-15",
            "availability": f"{DIM}/planned-availability/STABLE",
            "status": f"{DIM}/distribution-status/COMPLETED",
            "documentation": ["https://www.ain.gouv.fr/notice.pdf"],
            "conforms_to": ["https://standards.example.org/ppr"],
            "rights": "Réutilisation libre.",
        },
        {
            "url": "https://ogc.example.org/wms?service=WMS&request=GetCapabilities",
            "name": "Zones inondables, WMS",
            "name_translated": {"en": "Flood-prone areas, WMS", "fr": "Zones inondables, WMS"},
            "format": "WMS",
            "resource_role": "service",
            "protocol": "OGC:WMS",
            "layer_name": ["zi_01", "zi_01_ext"],
            "access_services": [
                {
                    "title": "Service WMS",
                    "uri": "https://ogc.example.org/service",
                    "endpoint_url": ["https://ogc.example.org/wms"],
                    "conforms_to": ["http://www.opengis.net/def/serviceType/ogc/wms"],
                    "contact": [{"name": "Unité SIG", "email": "ddt-sig@ain.example.org"}],
                    "publisher": [{"name": "DDT 01"}],
                }
            ],
        },
    ],
}

HARVESTED_FIELDS = [
    "title",
    "notes",
    "tags",
    "license_id",
    "theme",
    "territory",
    "contact",
    "dcat_type",
    "provenance",
    "reference_system",
    "language",
    "topic_category",
    "inspire_theme",
    "spatial_coverage",
    "frequency",
    "modified",
    "access_limitation",
    "use_conditions",
    "creator",
    "identifier",
    "metadata_identifier",
    "source_record",
    "source_catalogue",
    "metadata_date",
    "resources",
]


def full(**changes: Any) -> dict[str, Any]:
    """Return a dataset with every field of the schema; a changed text loses its translations."""
    stale = {f"{name}_translated" for name in changes} - set(changes)
    return {
        **copy.deepcopy({name: value for name, value in FULL.items() if name not in stale}),
        **changes,
    }


def harvested(**changes: Any) -> dict[str, Any]:
    """Return a dataset as harvested from a record of a regional catalogue: five links,
    an automatic name.
    """
    dataset = {name: copy.deepcopy(FULL[name]) for name in HARVESTED_FIELDS}
    dataset["resources"] = [
        {**dataset["resources"][0], "url": f"https://www.ain.gouv.fr/zi-{number}.zip"}
        for number in range(5)
    ]
    return {**dataset, **changes}


SERVICE: dict[str, Any] = {
    "dcat_type": f"{INSPIRE}/metadata-codelist/ResourceType/service",
    "service_type": f"{INSPIRE}/metadata-codelist/SpatialDataServiceType/view",
    "endpoint_url": ["https://ogc.example.org/wms", "https://ogc.example.org/wmts"],
    "endpoint_description": "https://ogc.example.org/wms?service=WMS&request=GetCapabilities",
    "serves_dataset": ["zones", "https://catalogue.example.org/zi-01"],
    "language": [f"{DIM}/language/ENG"],
}
CODE: dict[str, Any] = {
    "dcat_type": "https://schema.org/SoftwareSourceCode",
    "code_repository": "https://git.example.org/x",
    "programming_language": ["Python", "R"],
    "development_status": "beta",
}
BARE: dict[str, Any] = {
    "source_catalogue": "Géo-IDE Catalogue",
    "access_rights": f"{DIM}/access-right/PUBLIC",
    "resources": [
        {"url": "https://example.org/a.csv"},
        {"url": "https://example.org/b.csv", "encoding": "UTF-8"},
    ],
}
ODD: dict[str, Any] = {
    "uri": "https://example.org/id/jeu/1",
    "url": "https://example.org/cgi-bin/mapserv?",
    "alternate_identifier": ["second"],
    "access_rights": f"{DIM}/access-right/SENSITIVE",
    "license_id": "notspecified",
    "tags": [
        {"name": "hydrographie"},
        {"name": "données ouvertes"},
        {"name": "WMS"},
        {"name": "Ain (01)"},
    ],
    "territory": ["http://id.insee.fr/geo/region/84", AIN, "http://id.insee.fr/geo/commune/01053"],
    "frequency": f"{DIM}/frequency/MONTHLY_3",
    "next_update": "2030",
    "status": f"{DIM}/dataset-status/WITHDRAWN",
    "contact": [{"email": "sig@example.org"}],
    "creator": [AGENT],
    "qualified_attribution": [
        {
            "role": f"{INSPIRE}/metadata-codelist/ResponsiblePartyRole/{role}",
            "agent": [{"name": role.title()}],
        }
        for role in (
            "author",
            "owner",
            "originator",
            "processor",
            "publisher",
            "pointOfContact",
            "distributor",
        )
    ]
    + [
        {
            "role": "funder",
            "agent": [{"name": "Un", "type": AGENT["type"], "homepage": "https://un.example.org"}],
        }
    ],
    "conformity": [
        {"specification": "Sans degré"},
        {"uri": "https://standards.example.org/seule", "degree": "conformant"},
        {
            "uri": "https://standards.example.org/2",
            "specification": "https://standards.example.org/2",
        },
    ],
    "applicable_legislation": ["https://www.example.org/arrete"],
    "other_information": [
        {"text": "Finalité"},
        {"text": "Sans sujet"},
        {"subject": "other", "text": "Enfin"},
        {"subject": "usage", "text": "Un usage.\n\nContributions : deux services"},
    ],
    "quality_measure": [{"name": "Sans valeur"}, {"value": "3", "unit": "m"}],
    "spatial_coverage": [
        {
            "text": "Bresse",
            "uri": "http://id.insee.fr/geo/commune/01053",
            "bbox": "5.1, 46.1, 5.3, 46.3",
        },
        {
            "geom": '{"type": "Polygon", "coordinates": [[[5, 46], [5.5, 46], [5.2, 46.25], [5, 46]]]}'
        },
        {
            "geom": '{"type": "MultiPolygon", "coordinates": [[[[1, 2], [3, 2], [3, 4], [1, 2]], '
            "[[1.5, 2.1], [2, 2.1], [2, 2.5], [1.5, 2.1]]], [[[7, 8], [9, 8], [9, 9], [7, 8]]]]}",
            "centroid": '{"type": "Point", "coordinates": [5, 5]}',
        },
        {
            "geom": '{"type": "MultiLineString", "coordinates": [[[5, 46], [6, 47]], [[6, 45], [6.5, 45.5]]]}'
        },
        {"bbox": "170, -20, -175, -10"},
        {"uri": AIN},
        {
            "bbox": '{"type": "Polygon", "coordinates": [[[5, 46], [5.5, 46], [5.2, 46.25], [5, 46]]]}'
        },
    ],
    "resources": [
        {
            "url": "https://example.org/zi.zip",
            "uri": "https://example.org/id/fichier/1",
            "format": "SHP",
            "mimetype": "application/zip",
            "package_format": "http://www.iana.org/assignments/media-types/application/zip",
            "compress_format": "deflate",
            "resource_role": "sample",
            "access_url": "https://example.org/zi",
            "download_url": "https://dl.example.org/zi.zip",
        },
        {
            "url": "https://example.org/zi.csv",
            "format": "CSV",
            "encoding": "ISO-8859-1",
            "resource_role": "data",
        },
        {
            "url": "https://example.org/zi-2.csv",
            "format": "CSV",
            "encoding": "UTF-8",
            "resource_role": "data",
        },
        {
            "url": "https://example.org/wfs",
            "name": "Zones",
            "name_translated": {"en": "Areas", "fr": "Zones"},
            "description": "Une couche.",
            "protocol": "OGC:WFS",
            "layer_name": ["a", "b"],
            "resource_role": "service",
            "license": "odc-odbl",
            "package_format": "tar",
        },
        {
            "url": "https://example.org/fiche",
            "name": "Fiche de métadonnées",
            "resource_role": "metadata",
        },
        {
            "url": "https://example.org/notice.pdf",
            "resource_role": "documentation",
            "network": "intranet",
        },
    ],
}


def peculiar() -> list[dict[str, Any]]:
    """Return datasets of every kind, with all or hardly any fields,
    and values that some formats cannot represent.
    """
    kind = f"{INSPIRE}/metadata-codelist/ResourceType"
    full = [FULL, FULL | SERVICE, FULL | CODE, FULL | {"dcat_type": f"{kind}/series"}]
    return copy.deepcopy([*full, BARE, BARE | {"dcat_type": f"{kind}/service"}, ODD])
