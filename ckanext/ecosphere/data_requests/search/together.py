"""Requests treated together with others, as their pages and the desk show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.domain import wording
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Request

#: Columns of a request treated together with another, for lists.
_COLUMNS = (Request.id, Request.joined_id, Request.reference, Request.title, Request.state, Request.due)


def of_requests(requests: Iterable[Request], reader: Reader) -> dict[str, list[dict[str, Any]]]:
    """Return the requests treated together with each of these, as far as the reader may know, in one query.

    Those who handle a request see all that they may read; everyone else sees the public ones, of a public request.
    """
    single = {each.id: each for each in requests if each.joined_id}
    if not single:
        return {}
    query = sa.select(*_COLUMNS, Request.listed).where(
        Request.joined_id.in_({each.joined_id for each in single.values()}), reader.condition()
    )
    rows = model.Session.execute(query.order_by(Request.reference)).all()
    return {key: [_shown(row) for row in rows if _is_told(row, request, reader)] for key, request in single.items()}


def _is_told(row: Any, request: Request, reader: Reader) -> bool:
    if row.joined_id != request.joined_id or row.id == request.id:
        return False
    return reader.is_inside(request) or (request.visibility == "public" and row.listed)


def _shown(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "reference": row.reference,
        "title": row.title,
        "state": row.state,
        "state_label": wording.state(row.state),
        "due": row.due.isoformat() if row.due else None,
    }
