"""Restart work that a killed process or an emptied queue left undone: missing rows, scores in the index."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.quality import config, rescore, store
from ckanext.ecosphere.quality.model import QualityRow

AT_ONCE = 500
#: Number of latest scores compared with the index each time; longer runs are restarted as a whole.
LATEST = 1000

_suspects: set[str] = set()
"""Datasets whose score differed last time; a save in progress causes a temporary difference."""


def recover() -> list[str]:
    """Score datasets without a row, and index missing scores.

    Raises:
        SolrAwayError: Solr is down.
    """
    done = []
    if unscored := _without_row():
        changed = rescore.some(unscored).changed
        model.Session.commit()
        rescore.reindex(changed)
        done.append(f"quality of {len(unscored)} datasets")
    differing = _differing()
    lasting = sorted(differing & _suspects)
    _suspects.clear()
    _suspects.update(differing)
    if lasting:
        rescore.reindex(lasting)
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
    """Return recently scored datasets whose score differs in the index."""
    query = (
        sa.select(QualityRow.package_id, QualityRow.score, QualityRow.model_version, QualityRow.due)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(model.Package.state == model.State.ACTIVE)
        .order_by(QualityRow.computed_at.desc())
        .limit(LATEST)
    )
    # Overdue datasets are left to the nightly work: their index documents hold the score as of indexing.
    stored = {row.package_id: row.score for row in model.Session.execute(query) if store.is_current(row)}
    model.Session.rollback()
    fields = f"id,{store.SCORE_FIELD}"
    found: set[str] = set()
    ids = list(stored)
    for start in range(0, len(ids), AT_ONCE):
        some = f"{{!terms f=id}}{','.join(ids[start : start + AT_ONCE])}"
        for document in solr.search(fq=["entity_type:package", some], fl=fields, rows=AT_ONCE).docs:
            shown = document.get(store.SCORE_FIELD)  # stored only where the search room made it a number
            if shown is not None and int(shown) != stored[document["id"]]:
                found.add(document["id"])
    return found
