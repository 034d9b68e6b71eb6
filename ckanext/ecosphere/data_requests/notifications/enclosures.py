"""What goes with an e-mail: the letter that it tells of, as PDF."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from io import BytesIO

from ckan import model

from ckanext.ecosphere.data_requests.decisions import pdf, store
from ckanext.ecosphere.data_requests.decisions.tables import Letter
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import mail_texts
from ckanext.ecosphere.data_requests.notifications.tables import Notification

log = logging.getLogger(__name__)

#: An e-mail that tells much (a digest) carries so many letters; the others are read in the portal.
MOST = 5


def letter_of(row: Notification) -> Letter | None:
    """Return the letter that a notification brings its addressee; nobody else is sent it."""
    if row.audience != states.REQUESTER:
        return None
    if row.kind == store.SILENCE:
        letter = store.latest(row.request_id, store.SILENCE)
    else:
        letter = store.of_events([row.event_id]).get(row.event_id or 0)
    return letter if letter is not None and letter.requester_id == row.user_id else None


def of(rows: Iterable[Notification]) -> list[tuple[str, BytesIO, str]]:
    """Return the letters of notifications as attachments: name, content, media type.

    Without the libraries that PDF needs, the e-mail says the letter in its text all the same.
    """
    letters = [letter for row in rows if not _is_kept_back(row) and (letter := letter_of(row))][:MOST]
    try:
        return [(file_name(each), BytesIO(content(each)), "application/pdf") for each in letters]
    except pdf.Unavailable as error:
        log.warning("Letters leave without their PDF: %s", error)
        return []


def _is_kept_back(row: Notification) -> bool:
    request = model.Session.get(Request, row.request_id)
    return request is not None and mail_texts.is_kept_back(request, row.user_id)


def content(letter: Letter) -> bytes:
    """Return the PDF of a letter.

    Raises:
        Unavailable: this machine cannot make PDF.
    """
    return pdf.render(letter.subject, letter.html, letter.addressee)


def file_name(letter: Letter) -> str:
    """Return the name of the file of a letter."""
    request = model.Session.get(Request, letter.request_id)
    return pdf.file_name(request.reference if request and request.reference else letter.request_id, letter.kind)
