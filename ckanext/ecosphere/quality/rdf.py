"""RDF of datasets: quality measurements in the Data Quality Vocabulary, and compliance with DCAT-AP.

The profile `ecosphere_quality_dqv` runs after the one that serialises the dataset; ckanext-dcat calls it for each
dataset. Compliance is validated with SHACL in the background; the verdict counts in the MQA.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from rdflib import RDF, XSD, Graph, Literal, Namespace, URIRef

from ckanext.dcat.profiles import RDFProfile
from ckanext.ecosphere.quality import config, rescore, store
from ckanext.ecosphere.quality.core import inspire
from ckanext.ecosphere.quality.core.distributions import DATA
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.shared import rdf

log = logging.getLogger(__name__)

SHAPES = DATA / "shapes.ttl"
CHUNK = 50

DQV = Namespace("http://www.w3.org/ns/dqv#")
PROV = Namespace("http://www.w3.org/ns/prov#")
SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")

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


# --- compliance ---


@dataclass(frozen=True)
class Verdict:
    """Whether a graph complies, and its violations (one text each; warnings are excluded)."""

    complies: bool
    violations: tuple[str, ...] = ()


@functools.cache
def load_shapes(path: str) -> Graph:
    """Return the shapes in the Turtle file `path`, or in all Turtle files of the folder `path`."""
    place = Path(path)
    graph, files = Graph(), [place]
    if place.is_dir():
        files = sorted(place.glob("*.ttl"))
    for file in files:
        rdf.parse(file.read_bytes(), "turtle", file.absolute().as_uri(), graph)
    return graph


def validate(graph: Graph, shapes: Graph) -> Verdict:
    """Validate `graph`; only violations break compliance, not warnings or infos."""
    from pyshacl import validate as check

    complies, report, _text = check(
        graph, shacl_graph=shapes, allow_warnings=True, allow_infos=True, do_owl_imports=False
    )
    if complies or not isinstance(report, Graph):
        return Verdict(bool(complies))
    query = """
        PREFIX sh: <http://www.w3.org/ns/shacl#>
        SELECT ?path ?message WHERE {
            ?result sh:resultSeverity sh:Violation ; sh:resultMessage ?message .
            OPTIONAL { ?result sh:resultPath ?path }
        }"""
    rows: Any = report.query(query)
    return Verdict(False, tuple(sorted({f"{row.path}: {row.message}" for row in rows})))


def dataset_graph(dataset: DataDict) -> Graph:
    """Return the RDF of a dataset dict as published by the portal."""
    serializer = _serializer(tuple(tk.aslist(tk.config.get("ckanext.dcat.rdf.profiles"))))
    serializer.g = Graph()
    serializer.graph_from_dataset(dataset)
    return serializer.g


@functools.cache
def _serializer(profiles: tuple[str, ...]) -> Any:
    """Return a serializer, cached for a whole run: looking up the profiles takes longer than serialising a dataset."""
    from ckanext.dcat.processors import RDFSerializer

    return RDFSerializer(profiles=list(profiles))


def waiting(limit: int) -> list[str]:
    """Return ids of active datasets without a verdict."""
    query = (
        sa.select(QualityRow.package_id)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(model.Package.state == model.State.ACTIVE, ~QualityRow.checks.has_key("dcat_ap"))
        .order_by(QualityRow.package_id)
        .limit(limit)
    )
    return list(model.Session.scalars(query))


def forget_verdicts() -> None:
    """Delete all verdicts, after a change of the shapes or of the RDF: the next runs check every dataset again."""
    without: Any = QualityRow.checks.op("-")("dcat_ap")
    judged = QualityRow.checks.has_key("dcat_ap")
    update = sa.update(QualityRow).where(judged).values(checks=without)
    model.Session.execute(update.execution_options(synchronize_session=False))
    model.Session.commit()


def run(ids: Sequence[str]) -> tuple[int, int]:
    """Validate the datasets `ids`, store the verdicts; return how many were checked, and how many comply. Commits."""
    if not p.plugin_loaded("dcat"):
        return 0, 0
    checked = good = 0
    for start in range(0, len(ids), CHUNK):
        verdicts = {key: verdict_of(key).complies for key in ids[start : start + CHUNK]}
        query = sa.select(QualityRow).where(QualityRow.package_id.in_(verdicts)).with_for_update()
        for row in model.Session.scalars(query):
            row.checks = {**(row.checks or {}), "dcat_ap": verdicts[row.package_id]}
        model.Session.flush()
        rescore.some(list(verdicts))
        model.Session.commit()
        checked += len(verdicts)
        good += sum(verdicts.values())
    return checked, good


def verdict_of(package_id: str) -> Verdict:
    """Return the verdict on a dataset, read from the database; one that cannot be serialised does not comply."""
    shapes = load_shapes(config.shapes() or str(SHAPES))
    context: Any = {"ignore_auth": True, "user": "", "use_cache": False}
    try:
        dataset = tk.get_action("package_show")(context, {"id": package_id})
        return validate(dataset_graph(dataset), shapes)
    except (
        Exception
    ) as error:  # from a profile of any plugin, or from pyshacl: continue with the others
        log.exception("DCAT-AP: the dataset %s cannot be checked", package_id)
        model.Session.rollback()
        return Verdict(False, (f"{type(error).__name__}: {error}",))
