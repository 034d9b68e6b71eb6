"""Files and links of requests: those attached to comments, and those that answer a request.

Files are limited in type and size, checked, scanned, and only served as downloads. They follow the
database transaction: those without a row are deleted after the commit, so that a rollback loses
none; added ones, on rollback. The scheduled run deletes all that no row names a day later: what a
killed process left, or what could not be deleted.

An answer is public, or private to the requester for ever or until a given day: then it appears on
no page and in no feed, search, e-mail or API answer except for the requester, the service and the
moderators.
"""

from __future__ import annotations

import logging
import mimetypes
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.domain.clock import iso
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Attachment, Delivery, Request
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import once, stored_files
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.shared.columns import new_id

log = logging.getLogger(__name__)

SCAN_SECONDS = 60
LONGEST_NAME = 120
#: Extension → possible first bytes of its content. All other types must be text.
BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "gpkg": (b"SQLite format 3\x00",),
    **dict.fromkeys(("zip", "ods", "odt", "xlsx", "docx"), (b"PK\x03\x04", b"PK\x05\x06")),
}
CHUNK = 65_536
WAITING = ".new-"
"""Prefix of the names of temporary files."""


@dataclass(frozen=True)
class AcceptedFile:
    """An accepted file in its temporary place."""

    path: Path
    name: str
    media_type: str
    size: int


def check(upload: Any) -> AcceptedFile:
    """Check an uploaded file and save it to a temporary file.

    Args:
        upload: file of a form (`werkzeug.FileStorage`).

    Raises:
        ValidationError: with the reason why it is refused.
    """
    folder, name = config.folder(), _name(upload)
    if folder is None or not config.attachment_types():
        raise _refused(_("Files cannot be added here."))
    extension = Path(name).suffix.lower().lstrip(".")
    if extension not in config.attachment_types():
        types = ", ".join(config.attachment_types())
        raise _refused(
            _("Files of this type are not taken. These are: {types}.").format(types=types)
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = _copy(upload, folder)
    try:
        _check_content(path, extension)
        _scan(path)
    except Exception:
        path.unlink(missing_ok=True)
        raise
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return AcceptedFile(path, name, media_type, path.stat().st_size)


def as_list(uploads: Any) -> list[Any]:
    """Return uploads, given as one, several or none, as a list."""
    if isinstance(uploads, list):
        return uploads
    if uploads:
        return [uploads]
    return []


def check_all(uploads: Iterable[Any]) -> list[AcceptedFile]:
    """Check several uploaded files and save them to temporary files.

    Raises:
        ValidationError: one of them is refused; no temporary file remains.
    """
    accepted: list[AcceptedFile] = []
    try:
        accepted.extend(map(check, uploads))
    except Exception:
        discard(accepted)
        raise
    return accepted


def twin(accepted: AcceptedFile) -> AcceptedFile:
    """Return an accepted file once more, for another request, in a temporary place of its own."""
    path = accepted.path.with_name(f"{WAITING}{new_id()}")
    path.hardlink_to(accepted.path)
    return replace(accepted, path=path)


def discard(files: Iterable[AcceptedFile]) -> None:
    """Remove temporary files; those that were kept have already been moved."""
    for file in files:
        file.path.unlink(missing_ok=True)


def _refused(message: str) -> tk.ValidationError:
    return tk.ValidationError({"upload": [message]})


def _name(upload: Any) -> str:
    """Return the last part of the file name given by the browser, on one line."""
    file_name = str(getattr(upload, "filename", "") or "")
    name = one_line(file_name.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".")
    if not name:
        raise _refused(_("This is no file."))
    stem, suffix = Path(name).stem, Path(name).suffix
    return stem[: LONGEST_NAME - len(suffix)] + suffix


def _copy(upload: Any, folder: Path) -> Path:
    """Copy an upload to a temporary file; none remains when that fails."""
    stream = getattr(upload, "stream", upload)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=WAITING, delete=False) as copy:
        path = Path(copy.name)
        try:
            _copy_bounded(stream, copy)
        except Exception:
            path.unlink(missing_ok=True)
            raise
    return path


def _copy_bounded(stream: Any, copy: IO[bytes]) -> None:
    most = config.attachment_bytes()
    written = 0
    while chunk := stream.read(CHUNK):
        written += len(chunk)
        if written > most:
            message = _("The file is too large: {number} MB at most.")
            raise _refused(message.format(number=most // (1024 * 1024)))
        copy.write(chunk)
    if not written:
        raise _refused(_("The file is empty."))


def _check_content(path: Path, extension: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(CHUNK)
    beginnings = BEGINNINGS.get(extension)
    if beginnings:
        fits = any(head.startswith(beginning) for beginning in beginnings)
    else:
        fits = b"\x00" not in head
    if not fits:
        message = _("The content of the file is not what its name says ({type}).")
        raise _refused(message.format(type=extension))


def _scan(path: Path) -> None:
    command = config.attachment_scanner()
    if not command:
        return
    try:
        scan = subprocess.run(  # noqa: S603 (the administrator of the site chose the command)
            [*shlex.split(command), str(path)],
            capture_output=True,
            timeout=SCAN_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _refused(_("The file could not be checked. Try again later.")) from None
    if scan.returncode:
        raise _refused(_("The check of the file found something harmful."))


def keep(file: AcceptedFile, request_id: str, comment_id: str) -> Attachment:
    """Move an accepted file to its place. Nothing is committed here."""
    attachment = Attachment(
        id=new_id(),
        request_id=request_id,
        comment_id=comment_id,
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        created=clock.now(),
    )
    move_in(file.path, path_of(attachment))
    return attachment


def path_of(row: Attachment | Delivery) -> Path:
    """Return the path of the stored file, whose name there is generated."""
    folder = config.folder()
    if folder is None:
        raise tk.ObjectNotFound(_("File not found"))
    name = row.id if isinstance(row, Attachment) else f"answer-{row.id}"
    return folder / row.request_id / name


def remove(attachments: Sequence[Attachment]) -> None:
    """Delete rows, and their files after the commit. Nothing is committed here."""
    remove_later([path_of(attachment) for attachment in attachments])
    for attachment in attachments:
        model.Session.delete(attachment)


# Files and transactions.

_TO_REMOVE, _BROUGHT = f"{__name__}.to_remove", f"{__name__}.brought"


def remove_later(paths: Iterable[Path]) -> None:
    """Delete files once the transaction is committed. Nothing is committed here."""
    session: Any = model.Session()
    session.info.setdefault(_TO_REMOVE, []).extend(paths)


def move_in(path: Path, place: Path) -> None:
    """Move a file to its place; it is deleted if the transaction is rolled back."""
    stored_files.keep(path, place)
    session: Any = model.Session()
    session.info.setdefault(_BROUGHT, []).append(place)


def listen() -> None:
    """Register listeners for commits and rollbacks; once for each process."""
    once.listen(model.Session, after_commit=_committed, after_rollback=_rolled_back)


def _committed(session: Any) -> None:
    session.info.pop(_BROUGHT, None)
    for path in session.info.pop(_TO_REMOVE, ()):
        _remove(path)


def _rolled_back(session: Any) -> None:
    session.info.pop(_TO_REMOVE, None)
    for path in session.info.pop(_BROUGHT, ()):
        _remove(path)


def _remove(path: Path) -> bool:
    try:
        stored_files.remove(path)
    except OSError:
        message = "A file of a data request cannot be removed; it is tried again a day later: %s"
        log.exception(message, path)
        return False
    return True


# Answers to requests.

#: Kinds of answers.
FILE, LINK = "file", "link"
#: Readers: all readers of the request, or its requester alone (besides the service and the
#: moderators).
EVERYONE, REQUESTER = "everyone", "requester"
#: URLs with http or https only: no scheme that a browser would execute.
_WEB = re.compile(r"https?://[^\s<>\"\\^`{|}]+", re.IGNORECASE)
#: Maximum numbers of files and of links of one answer, and of characters of a link.
MOST_FILES, MOST_LINKS, LONGEST_LINK = 10, 20, 2000


def checked_files(uploaded: Any) -> list[AcceptedFile]:
    """Check the files of an answer by the rules of attachments, and save each to a temporary file.

    Raises:
        ValidationError: one is refused, or there are too many; no temporary file remains.
    """
    files = as_list(uploaded)
    uploads = [file for file in files if getattr(file, "filename", "")]
    if len(uploads) > MOST_FILES:
        message = _("Too many: {number} at most.").format(number=MOST_FILES)
        raise tk.ValidationError({"files": [message]})
    try:
        return check_all(uploads)
    except tk.ValidationError as error:
        raise tk.ValidationError({"files": error.error_dict["upload"]}) from None


def keep_answer(
    request: Request, fields: Row, links: Iterable[str], files: Iterable[AcceptedFile]
) -> list[str]:
    """Store the files and links that answer a request, without committing; return their ids.

    Args:
        fields: of the transition: `reach`, and `public_from` if only the requester may read them
            until then.
    """
    common: DataDict = {
        "request_id": request.id,
        "reach": fields.get("reach", EVERYONE),
        "public_from": fields.get("public_from"),
        "created": clock.now(),
    }
    rows = [Delivery(id=new_id(), kind=LINK, url=url, **common) for url in links]
    for file in files:
        columns = {"name": file.name, "media_type": file.media_type, "size": file.size}
        row = Delivery(id=new_id(), kind=FILE, **columns, **common)
        move_in(file.path, path_of(row))
        rows.append(row)
    model.Session.add_all(rows)
    model.Session.flush()
    return [row.id for row in rows]


def may_read_answer(row: Delivery, request: Request, reader: Reader) -> bool:
    """Return whether a reader who may read the request may read a delivery."""
    return row.reach == EVERYONE or bool(reader.roles(request))


def answers_of(request: Request, reader: Reader) -> list[DataDict]:
    """Return the deliveries of a request that the reader may read, the oldest first."""
    query = (
        sa.select(Delivery)
        .where(Delivery.request_id == request.id)
        .order_by(Delivery.created, Delivery.id)
    )
    return [
        shown_answer(row)
        for row in model.Session.scalars(query)
        if may_read_answer(row, request, reader)
    ]


def shown_answer(row: Delivery) -> DataDict:
    """Return a delivery as the API shows it."""
    columns = {name: getattr(row, name) for name in ("id", "kind", "url", "name", "size", "reach")}
    return {**columns, "public_from": iso(row.public_from)}


def named_answers(ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return deliveries as letters list them: name and URL ("" for a file)."""
    rows = model.Session.scalars(
        sa.select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.created)
    )
    return [(row.name or row.url, row.url) for row in rows]


def forget_private_answers(request_ids: Sequence[str]) -> None:
    """Delete private deliveries, which no one will be left to read; files are deleted once that is
    committed.

    Nothing is committed here.
    """
    private = (Delivery.request_id.in_(request_ids), Delivery.reach == REQUESTER)
    for row in model.Session.scalars(sa.select(Delivery).where(*private)).all():
        if row.kind == FILE:
            remove_later([path_of(row)])
        model.Session.delete(row)


def links_of(value: Any) -> list[str]:
    """Read the links of an answer, one on each line.

    Raises:
        Invalid: one is not a web address, or there are too many.
    """
    lines = value if isinstance(value, list) else str(value).split("\n")
    written = [one_line(str(line)) for line in lines[: MOST_LINKS + 1]]
    urls = list(dict.fromkeys(filter(None, written)))
    if len(urls) > MOST_LINKS:
        raise tk.Invalid(_("Too many: {number} at most.").format(number=MOST_LINKS))
    for url in urls:
        if len(url) > LONGEST_LINK or not _WEB.fullmatch(url):
            message = _("“{value}” is not a web address: it must begin with https://.")
            raise tk.Invalid(message.format(value=url[:100]))
    return urls


# Files without a row.

#: Minimum age of such a file in seconds, longer than any upload.
OLD_SECONDS = 24 * 3600


def remove_strays() -> int:
    """Remove files without a row that are older than a day; return how many.

    Raises:
        OSError: some could not be deleted; they are tried again the next time.
    """
    folder = config.folder()
    if folder is None or not folder.is_dir():
        return 0
    old = [path for path in folder.glob(f"{WAITING}*") if _is_old(path)]
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            old += filter(_is_old, entry.iterdir())
    known = _known_files({path.parent.name for path in old})
    strays = [path for path in old if path not in known]
    removed = sum(map(_remove, strays))
    if removed < len(strays):
        remaining = len(strays) - removed
        raise OSError(f"{remaining} files of data requests cannot be removed from {folder}")
    return removed


def _known_files(request_ids: Collection[str]) -> set[Path]:
    attached = sa.select(Attachment).where(Attachment.request_id.in_(request_ids))
    answers = sa.select(Delivery).where(Delivery.request_id.in_(request_ids), Delivery.kind == FILE)
    paths = {path_of(row) for row in model.Session.scalars(attached)}
    return paths | {path_of(row) for row in model.Session.scalars(answers)}


def _is_old(path: Path) -> bool:
    try:
        return (
            path.is_file()
            and not path.is_symlink()
            and path.stat().st_mtime < time.time() - OLD_SECONDS
        )
    except FileNotFoundError:
        return False  # moved to its place, or removed, since
