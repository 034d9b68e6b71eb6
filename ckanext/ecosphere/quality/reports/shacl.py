"""DCAT-AP compliance of the datasets' RDF, validated with SHACL in the background; the result counts in the MQA."""

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
from rdflib import Graph

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.storage import rescore
from ckanext.ecosphere.quality.storage.reading import DATA
from ckanext.ecosphere.shared import rdf

log = logging.getLogger(__name__)

SHAPES = DATA / "shapes.ttl"
CHUNK = 50


@dataclass(frozen=True)
class Verdict:
    """Whether a graph complies, and its violations (one text each; warnings are excluded)."""

    complies: bool
    violations: tuple[str, ...] = ()


@functools.cache
def load_shapes(path: str) -> Graph:
    """Return the shapes in the Turtle file `path`, or in all Turtle files of the folder `path`."""
    place = Path(path)
    graph = Graph()
    for file in sorted(place.glob("*.ttl")) if place.is_dir() else [place]:
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
    found: Any = report.query(query)
    return Verdict(False, tuple(sorted({f"{row.path}: {row.message}" for row in found})))


def dataset_graph(dataset: dict[str, Any]) -> Graph:
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
    known = QualityRow.checks.has_key("dcat_ap")
    update = sa.update(QualityRow).where(known).values(checks=without)
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
    except Exception as error:  # from a profile of any plugin, or from pyshacl: continue with the others
        log.exception("DCAT-AP: the dataset %s cannot be checked", package_id)
        model.Session.rollback()
        return Verdict(False, (f"{type(error).__name__}: {error}",))
