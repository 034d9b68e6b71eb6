"""Opinions of people on whether a dataset is suitable for a kind of use: one a person, dataset and use.

Everybody sees how many people said so; only those who edit the dataset read why. The editorial suitability of
`data/suitability.yaml` stands beside them.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.shared.characters import clean
from ckanext.ecosphere.shared.columns import new_id, now
from ckanext.ecosphere.studies import suitability
from ckanext.ecosphere.studies.model import Suitability
from ckanext.ecosphere.studies.publications.outline import text_in

LONGEST_WHY = 1_000
MOST_READ = 100


def uses() -> dict[str, str]:
    """Return the kinds of use, and their names in the language of the page."""
    return {id_: text_in(use.label) for id_, use in suitability.uses().items()}


def save(package_id: str, user_id: str, use: str, fits: bool, why: str) -> None:
    """Store the opinion of a person, instead of an earlier one on the same dataset and use.

    Raises:
        ValidationError: there is no such use, or a reason is missing or too long.
    """
    errors: dict[str, list[str]] = {}
    reason = clean(why)
    if use not in uses():
        errors["use"] = [tk._("Choose what you used it for.")]
    if not reason and not fits:
        errors["why"] = [tk._("Say why it is not suitable.")]
    if len(reason) > LONGEST_WHY:
        errors["why"] = [tk._("Too long: {number} characters at most.").format(number=LONGEST_WHY)]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    key = {"package_id": package_id, "use": use, "user_id": user_id}
    values = {"fits": fits, "why": reason, "created": now()}
    statement = insert(Suitability).values(id=new_id(), **key, **values)
    model.Session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def counts(package_id: str) -> list[dict[str, Any]]:
    """Return for each use about which somebody said something: `use`, `label`, `fits` and `not_fits` (numbers)."""
    fits = sa.func.count().filter(Suitability.fits)
    query = sa.select(Suitability.use, fits, sa.func.count())
    query = query.where(Suitability.package_id == package_id).group_by(Suitability.use)
    names = uses()
    rows = []
    for use, suitable, number in model.Session.execute(query.order_by(Suitability.use)):
        label = names.get(use, use)
        rows.append({"use": use, "label": label, "fits": suitable, "not_fits": number - suitable})
    return rows


def of_dataset(package_id: str) -> list[dict[str, Any]]:
    """Return the latest opinions on a dataset, with their reasons and without their authors."""
    query = sa.select(Suitability).where(Suitability.package_id == package_id)
    names = uses()
    rows = []
    for row in model.Session.scalars(query.order_by(Suitability.created.desc()).limit(MOST_READ)):
        label = names.get(row.use, row.use)
        about = {"use": row.use, "label": label, "fits": row.fits, "why": row.why}
        rows.append({**about, "created": row.created.isoformat()})
    return rows


def own(package_id: str, user_id: str) -> dict[str, dict[str, Any]]:
    """Return the opinions of a person on a dataset by use: `fits` and `why`."""
    query = sa.select(Suitability).where(
        Suitability.package_id == package_id, Suitability.user_id == user_id
    )
    return {row.use: {"fits": row.fits, "why": row.why} for row in model.Session.scalars(query)}


def forget_person(user_id: str) -> None:
    """Delete the opinions of a person; the caller commits."""
    model.Session.execute(sa.delete(Suitability).where(Suitability.user_id == user_id))
