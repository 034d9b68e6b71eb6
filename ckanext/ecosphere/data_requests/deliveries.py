"""Files and links that answer a request, public or private to the requester, for ever or until a given day.

A private delivery appears on no page and in no feed, search, e-mail or API answer except for the requester, the service
and the moderators, until the regular run publishes it on its day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import attachments, config
from ckanext.ecosphere.data_requests.domain import clock, text
from ckanext.ecosphere.data_requests.domain.clock import iso
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Delivery, Request, new_id

FILE, LINK = "file", "link"
#: Readers: all readers of the request, or its requester alone (besides the service and the moderators).
EVERYONE, REQUESTER = "everyone", "requester"


_ = tk._

#: URLs with http or https only: no scheme that a browser would execute.
_WEB = re.compile(r"https?://[^\s<>\"\\^`{|}]+", re.IGNORECASE)
#: Maximum number of files of one answer.
MOST_FILES = 10


def checked_files(given: Any) -> list[attachments.Found]:
    """Check the files of an answer by the rules of attachments, and save each to a temporary file.

    Raises:
        ValidationError: one is refused, or there are too many; no temporary file remains.
    """
    uploads = [each for each in (given if isinstance(given, list) else [given]) if getattr(each, "filename", "")]
    if len(uploads) > MOST_FILES:
        message = _("Too many: {number} at most.").format(number=MOST_FILES)
        raise tk.ValidationError({"files": [message]})
    try:
        return attachments.check_all(uploads)
    except tk.ValidationError as error:
        raise tk.ValidationError({"files": error.error_dict["upload"]}) from None


def keep(request: Request, given: Mapping[str, Any]) -> list[str]:
    """Store the files and links that answer a request, without committing; return their ids."""
    private = given.get("reach") == REQUESTER
    common: dict[str, Any] = {
        "request_id": request.id,
        "reach": REQUESTER if private else EVERYONE,
        "public_from": given.get("public_from") if private else None,
        "created": clock.now(),
    }
    rows = [Delivery(id=new_id(), kind=LINK, url=each, **common) for each in given.get("links") or ()]
    for found in given.get("files") or ():
        row = Delivery(id=new_id(), kind=FILE, name=found.name, media_type=found.media_type, size=found.size, **common)
        attachments.move_in(found.path, path_of(row))
        rows.append(row)
    model.Session.add_all(rows)
    model.Session.flush()
    return [each.id for each in rows]


def path_of(row: Delivery) -> Path:
    """Return the path of the stored file, whose name there is generated."""
    folder = config.folder()
    if folder is None:
        raise tk.ObjectNotFound(_("File not found"))
    return folder / row.request_id / f"answer-{row.id}"


def may_read(row: Delivery, request: Request, reader: Reader) -> bool:
    """Return whether a reader who may read the request may read a delivery."""
    return row.reach == EVERYONE or bool(reader.roles(request))


def of_request(request: Request, reader: Reader) -> list[dict[str, Any]]:
    """Return the deliveries of a request that the reader may read, the oldest first."""
    query = sa.select(Delivery).where(Delivery.request_id == request.id).order_by(Delivery.created, Delivery.id)
    return [shown(each) for each in model.Session.scalars(query) if may_read(each, request, reader)]


def shown(row: Delivery) -> dict[str, Any]:
    """Return a delivery as the API shows it."""
    found = {name: getattr(row, name) for name in ("id", "kind", "url", "name", "size", "reach")}
    return {**found, "public_from": iso(row.public_from)}


def named(ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return deliveries as letters list them: name and URL ("" for a file)."""
    rows = model.Session.scalars(sa.select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.created))
    return [(each.name or each.url, each.url) for each in rows]


def get(key: str) -> Delivery | None:
    """Return a delivery, None when there is none."""
    return model.Session.get(Delivery, key)


def forget_private(request_ids: Sequence[str]) -> None:
    """Delete private deliveries, which no one will be left to read; files are deleted once that is committed.

    Nothing is committed here.
    """
    private = (Delivery.request_id.in_(request_ids), Delivery.reach == REQUESTER)
    for row in model.Session.scalars(sa.select(Delivery).where(*private)).all():
        if row.kind == FILE:
            attachments.remove_later([path_of(row)])
        model.Session.delete(row)


def links_of(value: Any) -> list[str]:
    """Read the links of an answer, one on each line.

    Raises:
        Invalid: one is not a web address, or there are too many.
    """
    written = value if isinstance(value, list) else str(value).split("\n")
    found = list(dict.fromkeys(filter(None, (text.line(str(each)) for each in written[: MOST_LINKS + 1]))))
    if len(found) > MOST_LINKS:
        raise tk.Invalid(_("Too many: {number} at most.").format(number=MOST_LINKS))
    for each in found:
        if len(each) > LONGEST_LINK or not _WEB.fullmatch(each):
            raise tk.Invalid(_("“{value}” is not a web address: it must begin with https://.").format(value=each[:100]))
    return found


MOST_LINKS, LONGEST_LINK = 20, 2000
