"""The searchable text of a request."""

from __future__ import annotations

import sqlalchemy as sa

from ckanext.ecosphere.data_requests.domain import text, wording
from ckanext.ecosphere.data_requests.model import Request


def index(request: Request) -> None:
    """Bring the searchable text of a request up to date."""
    # In French, whatever language the person who saves it reads: the search is in French.
    places = f"{wording.territory(request, 'fr')} {request.territory}"
    themes = wording.concept("themes", request.theme, "fr")
    weighted = (
        ("A", f"{request.title} {request.reference or ''}"),
        # What its author keeps private is found by nobody.
        ("B", f"{themes} {places} {request.procedure_reference if request.show_procedure else ''}"),
        ("C", request.description),
    )
    parts = [sa.func.setweight(sa.func.to_tsvector("french", text.fold(words)), weight) for weight, words in weighted]
    request.search = parts[0].op("||")(parts[1]).op("||")(parts[2])
