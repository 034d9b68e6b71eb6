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


def checked_files(uploaded: Any) -> list[attachments.AcceptedFile]:
    """Check the files of an answer by the rules of attachments, and save each to a temporary file.

    Raises:
        ValidationError: one is refused, or there are too many; no temporary file remains.
    """
    files = attachments.as_list(uploaded)
    uploads = [file for file in files if getattr(file, "filename", "")]
    if len(uploads) > MOST_FILES:
        message = _("Too many: {number} at most.").format(number=MOST_FILES)
        raise tk.ValidationError({"files": [message]})
    try:
        return attachments.check_all(uploads)
    except tk.ValidationError as error:
        raise tk.ValidationError({"files": error.error_dict["upload"]}) from None


def keep(request: Request, fields: Mapping[str, Any]) -> list[str]:
    """Store the files and links that answer a request, without committing; return their ids."""
    private = fields.get("reach") == REQUESTER
    reach = REQUESTER if private else EVERYONE
    public_from = fields.get("public_from") if private else None
    common: dict[str, Any] = {
        "request_id": request.id,
        "reach": reach,
        "public_from": public_from,
        "created": clock.now(),
    }
    rows = [
        Delivery(id=new_id(), kind=LINK, url=url, **common) for url in fields.get("links") or ()
    ]
    for file in fields.get("files") or ():
        row = Delivery(
            id=new_id(),
            kind=FILE,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            **common,
        )
        attachments.move_in(file.path, path_of(row))
        rows.append(row)
    model.Session.add_all(rows)
    model.Session.flush()
    return [row.id for row in rows]


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
    query = (
        sa.select(Delivery)
        .where(Delivery.request_id == request.id)
        .order_by(Delivery.created, Delivery.id)
    )
    return [shown(row) for row in model.Session.scalars(query) if may_read(row, request, reader)]


def shown(row: Delivery) -> dict[str, Any]:
    """Return a delivery as the API shows it."""
    columns = {name: getattr(row, name) for name in ("id", "kind", "url", "name", "size", "reach")}
    return {**columns, "public_from": iso(row.public_from)}


def named(ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return deliveries as letters list them: name and URL ("" for a file)."""
    rows = model.Session.scalars(
        sa.select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.created)
    )
    return [(row.name or row.url, row.url) for row in rows]


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
    urls = list(
        dict.fromkeys(filter(None, (text.line(str(line)) for line in written[: MOST_LINKS + 1])))
    )
    if len(urls) > MOST_LINKS:
        raise tk.Invalid(_("Too many: {number} at most.").format(number=MOST_LINKS))
    for url in urls:
        if len(url) > LONGEST_LINK or not _WEB.fullmatch(url):
            raise tk.Invalid(
                _("“{value}” is not a web address: it must begin with https://.").format(
                    value=url[:100]
                )
            )
    return urls


MOST_LINKS, LONGEST_LINK = 20, 2000
