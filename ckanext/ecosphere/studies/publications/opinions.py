"""Opinions of people on whether a dataset is suitable for a kind of use: one a person, dataset and use.

Everybody sees how many people said so; only those who edit the dataset read why. The editorial suitability of
`data/suitability.yaml` stands beside them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.shared.columns import new_id, now
from ckanext.ecosphere.studies import suitability
from ckanext.ecosphere.studies.model import Suitability
from ckanext.ecosphere.studies.publications.outline import text_in

MOST_READ = 100


def uses() -> dict[str, str]:
    """Return the kinds of use, and their names in the language of the page."""
    return {id_: text_in(use["label"]) for id_, use in suitability.uses().items()}


def save(package_id: str, user_id: str, use: str, fits: bool, why: str) -> None:
    """Store the opinion of a person, instead of an earlier one on the same dataset and use."""
    key = {"package_id": package_id, "use": use, "user_id": user_id}
    values = {"fits": fits, "why": why, "created": now()}
    statement = insert(Suitability).values(id=new_id(), **key, **values)
    model.Session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def counts(package_id: str) -> list[dict[str, Any]]:
    """Return for each use about which somebody said something: `use`, `label`, `fits` and `not_fits` (numbers)."""
    fits = sa.func.count().filter(Suitability.fits)
    not_fits = sa.func.count().filter(~Suitability.fits)
    columns = (Suitability.use, fits.label("fits"), not_fits.label("not_fits"))
    query = sa.select(*columns).where(Suitability.package_id == package_id)
    return _labelled(query.group_by(Suitability.use).order_by(Suitability.use))


def of_dataset(package_id: str) -> list[dict[str, Any]]:
    """Return the latest opinions on a dataset, with their reasons and without their authors."""
    columns = (Suitability.use, Suitability.fits, Suitability.why, Suitability.created)
    query = sa.select(*columns).where(Suitability.package_id == package_id)
    rows = _labelled(query.order_by(Suitability.created.desc()).limit(MOST_READ))
    return [{**row, "created": row["created"].isoformat()} for row in rows]


def _labelled(query: sa.Select[Any]) -> list[dict[str, Any]]:
    """Return the rows of a query with the names of their uses."""
    names = uses()
    rows = model.Session.execute(query).mappings()
    return [{**row, "label": names.get(row["use"], row["use"])} for row in rows]


def forget_person(user_id: str) -> None:
    """Delete the opinions of a person; the caller commits."""
    model.Session.execute(sa.delete(Suitability).where(Suitability.user_id == user_id))
