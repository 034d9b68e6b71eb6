"""Full-text vector of a request (PostgreSQL `tsvector`)."""

from __future__ import annotations

import sqlalchemy as sa

from ckanext.ecosphere.data_requests.domain import text, wording
from ckanext.ecosphere.data_requests.model import Request


def index(request: Request) -> None:
    """Update the full-text vector of a request."""
    # Always in French, the language of the search, whatever the user's language.
    places = f"{wording.territory(request, 'fr')} {request.territory}"
    themes = wording.concept("themes", request.theme, "fr")
    weighted = (
        ("A", f"{request.title} {request.reference or ''}"),
        # A reference that the requester keeps private is not searchable.
        ("B", f"{themes} {places} {request.procedure_reference if request.show_procedure else ''}"),
        ("C", request.description),
    )
    parts = [sa.func.setweight(sa.func.to_tsvector("french", text.fold(words)), weight) for weight, words in weighted]
    request.search = parts[0].op("||")(parts[1]).op("||")(parts[2])
