"""Files attached to comments: limited in type and size, checked, scanned, and only served as downloads.

Files follow the database transaction. Those to delete are recorded in the transaction that deletes their rows, and
deleted after the commit: a rollback loses no file, and a failed deletion is tried again by the scheduled run. Added
files are deleted on rollback, as without a row they would never be deleted.
"""

from __future__ import annotations

import logging
import mimetypes
import shlex
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy import event

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock, text
from ckanext.ecosphere.data_requests.model import Attachment, Removal, new_id

log = logging.getLogger(__name__)
_ = tk._

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
        _content(path, extension)
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
        for upload in uploads:
            accepted.append(check(upload))
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
    name = text.line(file_name.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".")
    if not name:
        raise _refused(_("This is no file."))
    stem, suffix = Path(name).stem, Path(name).suffix
    return stem[: LONGEST_NAME - len(suffix)] + suffix


def _copy(upload: Any, folder: Path) -> Path:
    most = config.attachment_bytes()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=WAITING, delete=False) as copy:
        written = 0
        stream = getattr(upload, "stream", upload)
        while chunk := stream.read(CHUNK):
            written += len(chunk)
            if written > most:
                Path(copy.name).unlink(missing_ok=True)
                message = _("The file is too large: {number} MB at most.")
                raise _refused(message.format(number=most // (1024 * 1024)))
            copy.write(chunk)
    if not written:
        Path(copy.name).unlink(missing_ok=True)
        raise _refused(_("The file is empty."))
    return Path(copy.name)


def _content(path: Path, extension: str) -> None:
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


def path_of(attachment: Attachment) -> Path:
    """Return the path of the stored file, whose name there is generated."""
    folder = config.folder()
    if folder is None:
        raise tk.ObjectNotFound(_("File not found"))
    return folder / attachment.request_id / attachment.id


def remove(attachments: list[Attachment]) -> None:
    """Delete rows, and their files after the commit. Nothing is committed here."""
    remove_later([path_of(attachment) for attachment in attachments])
    for attachment in attachments:
        model.Session.delete(attachment)


# Files and transactions.

AT_ONCE = 1000
_TO_REMOVE, _BROUGHT = f"{__name__}.to_remove", f"{__name__}.brought"
#: Delay after which `check` reports a file that is still there.
LATE = timedelta(days=1)


def remove_later(paths: Iterable[Path]) -> None:
    """Delete files once the transaction is committed. Nothing is committed here."""
    folder = config.folder()
    if folder is None:
        return
    session: Any = model.Session()
    for path in paths:
        session.merge(Removal(path=str(path.relative_to(folder)), asked=clock.now()))
        session.info.setdefault(_TO_REMOVE, []).append(path)


def move_in(path: Path, place: Path) -> None:
    """Move a file to its place; it is deleted if the transaction is rolled back."""
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    session: Any = model.Session()
    session.info.setdefault(_BROUGHT, []).append(place)


def listen() -> None:
    """Register listeners for commits and rollbacks; once for each process."""
    for name, function in (("after_commit", _committed), ("after_rollback", _undone)):
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def _committed(session: Any) -> None:
    session.info.pop(_BROUGHT, None)
    for path in session.info.pop(_TO_REMOVE, ()):
        _remove(path)


def _undone(session: Any) -> None:
    session.info.pop(_TO_REMOVE, None)
    for path in session.info.pop(_BROUGHT, ()):
        _remove(path)


def _remove(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        log.exception("A file of a data request cannot be removed; it is tried again: %s", path)
        return False
    return True


def remove_recorded() -> int:
    """Delete the recorded files that remain, and their records; return how many.

    Raises:
        OSError: some files could not be deleted; they stay recorded for the next run.
    """
    folder, removed, remaining = config.folder(), 0, 0
    if folder is None:
        return 0
    last_path = ""
    while rows := model.Session.scalars(
        sa.select(Removal).where(Removal.path > last_path).order_by(Removal.path).limit(AT_ONCE)
    ).all():
        last_path = rows[-1].path
        for row in rows:
            if _remove(folder / row.path):
                model.Session.delete(row)
                removed += 1
            else:
                remaining += 1
        model.Session.commit()
    if remaining:
        raise OSError(f"{remaining} files of data requests cannot be removed from {folder}")
    return removed


def late_removals() -> int:
    """Return the number of files that should have been deleted more than a day ago."""
    query = (
        sa.select(sa.func.count()).select_from(Removal).where(Removal.asked < clock.now() - LATE)
    )
    return model.Session.scalar(query) or 0
