"""Attachments of e-mails: letters as PDF."""

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

#: Maximum number of letters attached to an e-mail, such as a digest; the others are read in the portal.
MOST = 5


def letter_of(row: Notification) -> Letter | None:
    """Return the letter of a notification, None unless the recipient is its addressee."""
    if row.audience != states.REQUESTER:
        return None
    if row.kind == store.SILENCE:
        letter = store.latest(row.request_id, store.SILENCE)
    else:
        letter = store.of_events([row.event_id]).get(row.event_id or 0)
    return letter if letter is not None and letter.requester_id == row.user_id else None


def of(rows: Iterable[Notification]) -> list[tuple[str, BytesIO, str]]:
    """Return the letters of notifications as attachments: name, content, media type.

    Empty without the libraries needed for PDF; the e-mail has the text of the letter anyway.
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
        Unavailable: PDF cannot be generated on this machine.
    """
    return pdf.render(letter.subject, letter.html, letter.addressee)


def file_name(letter: Letter) -> str:
    """Return the file name of a letter."""
    request = model.Session.get(Request, letter.request_id)
    return pdf.file_name(request.reference if request and request.reference else letter.request_id, letter.kind)
