"""RDF of datasets: quality measurements in the Data Quality Vocabulary.

The profile `ecosphere_quality_dqv` runs after the one that serialises the dataset; ckanext-dcat
calls it for each dataset.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import DataDict
from rdflib import PROV, RDF, SKOS, XSD, Literal, Namespace, URIRef

from ckanext.dcat.profiles import RDFProfile
from ckanext.ecosphere.quality import store
from ckanext.ecosphere.quality.core import inspire

DQV = Namespace("http://www.w3.org/ns/dqv#")

#: Metric → its definition in French and English; metric URIs are anchors on the page `/qualite`.
METRICS = {
    "score": (
        "Note de qualité des métadonnées, sur 100",
        "Score of the quality of metadata, out of 100",
    ),
    "mqa": (
        "Évaluation de la qualité des métadonnées de data.europa.eu, sur 405",
        "Metadata Quality Assessment of data.europa.eu, out of 405",
    ),
    "inspire": (
        "Part des exigences INSPIRE sur les métadonnées qui sont remplies, sur 100",
        "Share of the INSPIRE metadata requirements that are met, out of 100",
    ),
}


class QualityMeasurementsProfile(RDFProfile):
    """Add `dqv:hasQualityMeasurement` to each dataset with a stored quality."""

    def graph_from_dataset(self, dataset_dict: DataDict, dataset_ref: Any) -> None:
        """Add score, MQA points and INSPIRE share of the dataset, evaluated as of today."""
        if not store.is_scored(dataset_dict.get("type")):
            return
        row = store.row_of(dataset_dict["id"])
        if row is None:
            return
        quality = store.quality_of(row)
        values = {
            "score": quality.badge.score,
            "mqa": inspire.assess(quality.facts).points(),
            "inspire": inspire.check(quality.facts).share,
        }
        self.g.bind("dqv", DQV)
        page = tk.url_for("ecosphere_quality.overview_page", _external=True, locale="default")
        for name, value in values.items():
            self._measurement(dataset_ref, URIRef(f"{page}#{name}"), name, value, row)

    def _measurement(self, dataset: Any, metric: URIRef, name: str, value: int, row: Any) -> None:
        measure = URIRef(f"{dataset}#quality-{name}")
        self.g.add((dataset, DQV.hasQualityMeasurement, measure))
        self.g.add((measure, RDF.type, DQV.QualityMeasurement))
        self.g.add((measure, DQV.isMeasurementOf, metric))
        self.g.add((measure, DQV.computedOn, dataset))
        self.g.add((measure, DQV.value, Literal(value, datatype=XSD.integer)))
        moment = Literal(row.computed_at.isoformat(), datatype=XSD.dateTime)
        self.g.add((measure, PROV.generatedAtTime, moment))
        self.g.add((metric, RDF.type, DQV.Metric))
        for language, text in zip(("fr", "en"), METRICS[name], strict=True):
            self.g.add((metric, SKOS.definition, Literal(text, lang=language)))
