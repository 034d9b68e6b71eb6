"""Why there is no preview or extract, in words."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.services import messages as services
from ckanext.ecosphere.access.services.description import NoDescriptionError
from ckanext.ecosphere.shared.http_guard import FetchError, StoppedError


def _N(message: str) -> str:
    """Mark a message for translation; it is translated when it is shown."""
    return message


MESSAGES = {
    "no-preview": _N("Files of this kind are not previewed."),
    "unreadable": _N("The file could not be read: it is damaged, or not what its name says."),
    "broken-archive": _N("The archive is damaged or locked by a password."),
    "nothing-inside": _N("The archive holds no file of which a preview is made."),
    "too-many-files": _N("The archive holds too many files."),
    "bomb": _N("The archive is too large once unpacked."),
    "no-table": _N("The file holds no table."),
    "no-crs": _N("The file does not say in which coordinate system it is, so no map can be made."),
    "too-complex": _N("The data are too complex for a preview."),
    "too-slow": _N("It took too long to read the data."),
    "too-large": _N("The file is too large for a preview: download it."),
    "no-geojson": _N(
        "The service does not offer its features in a form of which a preview or an extract is made (GeoJSON, GML)."
    ),
    "no-layer": _N("It is not known which layer of the service belongs to this dataset."),
    "nothing-found": _N("The service has nothing in this area."),
    "no-outline": _N("The outline of the commune could not be had."),
    "gone": _N("The dataset has changed meanwhile. Start again."),
    "given-up": _N("It was tried several times without success."),
    "bad-columns": _N("The service has none of the attributes that were chosen."),
}


#: What may go wrong while data of strangers are fetched and read.
FAILURES = (PreviewError, NoDescriptionError, FetchError, StoppedError)


def code_of(error: Exception) -> str:
    """Return the code of one of the `FAILURES`."""
    if isinstance(error, PreviewError | NoDescriptionError):
        return error.code
    if isinstance(error, StoppedError) or (isinstance(error, FetchError) and error.code == "too-large"):
        return "too-large"
    if isinstance(error, FetchError) and not error.refused:
        return error.code if error.code in services.SILENT else "connection"
    return "refused"


def sentence(code: str) -> str:
    """Say why there is no preview or extract."""
    return tk._(MESSAGES[code]) if code in MESSAGES else services.sentence(code)
