"""Files that the suite itself keeps: below ``ckan.storage_path``, or in an object storage that all
servers share.

The object storage is one of CKAN's storages, called `ecosphere`
(``ckan.files.storage.ecosphere.type`` and so on). A file is always asked for by its path below
``ckan.storage_path``, which is its location in the storage.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast

import ckan.plugins.toolkit as tk
import file_keeper as fk
from ckan.lib import files, uploader

STORAGE = "ecosphere"


def shared() -> fk.Storage | None:
    """Return the storage that all servers share, None if there is
    none and files stay in the folder.
    """
    try:
        return files.get_storage(STORAGE)
    except files.exc.UnknownStorageError:
        return None


def keep(finished: Path, target: Path) -> None:
    """Move a finished file to its place, where it appears as a whole."""
    storage = shared()
    if storage is None:
        target.parent.mkdir(parents=True, exist_ok=True)
        finished.replace(target)
        return
    with finished.open("rb") as content:
        storage.upload(_data(target).location, files.make_upload(content))
    finished.unlink()


def exists(path: Path) -> bool:
    """Return whether a file is kept."""
    storage = shared()
    if storage is None:
        return path.is_file()
    return storage.exists(_data(path))


def opened(path: Path) -> BinaryIO | None:
    """Open a kept file for reading, once and from its beginning; return None if there is none."""
    storage = shared()
    if storage is None:
        if path.is_file():
            return path.open("rb")
        return None
    return _streamed(storage, _data(path))


def remove(path: Path) -> None:
    """Remove a file, if it is kept.

    Raises:
        OSError: it cannot be removed now.
    """
    storage = shared()
    if storage is None:
        path.unlink(missing_ok=True)
        return
    try:
        # `remove` of S3 takes an outage for a file that is not there; `exists` does not.
        if storage.exists(_data(path)):
            storage.remove(_data(path))
    except Exception as error:  # of the client of whichever storage
        raise OSError(f"{path.name} cannot be removed: {error}") from error


def upload_of(resource_id: str) -> BinaryIO | None:
    """Open the uploaded file of a resource, wherever CKAN keeps it.

    Return None if it does not exist.
    """
    upload = uploader.get_resource_uploader({"id": resource_id, "url_type": "upload"})
    location = upload.get_path(resource_id)
    storage = getattr(upload, "storage", None)
    if storage is not None:
        return _streamed(storage, files.FileData(files.Location(location)))
    path = Path(location)
    if path.is_file():
        return path.open("rb")
    return None


def _data(path: Path) -> files.FileData:
    folder = Path(tk.config["ckan.storage_path"])
    return files.FileData(files.Location(path.relative_to(folder).as_posix()))


def _streamed(storage: fk.Storage, data: files.FileData) -> BinaryIO | None:
    try:
        return cast(BinaryIO, storage.stream(data))
    except files.exc.MissingFileError:
        return None
