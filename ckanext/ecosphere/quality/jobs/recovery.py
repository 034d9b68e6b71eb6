"""Take up by itself what a killed process or an emptied queue left undone: rows, scores of the index, and long runs."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.jobs import tasks
from ckanext.ecosphere.quality.storage import indexing, reindex, rescore, store

AT_ONCE = 500
#: Scores that are compared with the index at each look: the latest; a longer run is taken up as a whole.
LATEST = 1000

_suspects: set[str] = set()
"""Datasets whose score differed at the last look: a save in progress does for a moment."""


def recover() -> list[str]:
    """Score datasets without a row, index scores that the index does not have, and send lost runs again.

    Raises:
        SolrAwayError: Solr does not answer.
    """
    done = [f"quality: {name}" for name in tasks.send_lost_runs()]
    if unscored := _without_row():
        changed = rescore.some(unscored).changed
        model.Session.commit()
        reindex.datasets(changed)
        done.append(f"quality of {len(unscored)} datasets")
    differing = _differing()
    lasting = sorted(differing & _suspects)
    _suspects.clear()
    _suspects.update(differing)
    if lasting:
        reindex.datasets(lasting)
        done.append(f"scores of {len(lasting)} datasets in the index")
    return done


def _without_row() -> list[str]:
    there = sa.exists().where(QualityRow.package_id == model.Package.id)
    query = sa.select(model.Package.id).where(
        model.Package.type.in_(config.dataset_types()), model.Package.state == model.State.ACTIVE, ~there
    )
    found = list(model.Session.scalars(query.limit(AT_ONCE)))
    model.Session.rollback()
    return found


def _differing() -> set[str]:
    """Datasets scored lately that the index shows with another score."""
    query = (
        sa.select(QualityRow.package_id, QualityRow.score, QualityRow.model_version, QualityRow.due)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(model.Package.state == model.State.ACTIVE)
        .order_by(QualityRow.computed_at.desc())
        .limit(LATEST)
    )
    # Of one that fell due the index tells what held when it was indexed; the work of the night sees to it.
    stored = {row.package_id: row.score for row in model.Session.execute(query) if store.is_current(row)}
    model.Session.rollback()
    fields = f"id,{indexing.SCORE_FIELD}"
    found: set[str] = set()
    ids = list(stored)
    for start in range(0, len(ids), AT_ONCE):
        some = f"{{!terms f=id}}{','.join(ids[start : start + AT_ONCE])}"
        for document in solr.search(fq=["entity_type:package", some], fl=fields, rows=AT_ONCE).docs:
            shown = document.get(indexing.SCORE_FIELD)  # kept where the room of the search made it a number
            if shown is not None and int(shown) != stored[document["id"]]:
                found.add(document["id"])
    return found
