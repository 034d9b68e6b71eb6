"""Messages for failed previews and extracts."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.common import _

from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.access.services import presentation
from ckanext.ecosphere.access.services.parsers import NoDescriptionError
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared.config import MEGABYTE
from ckanext.ecosphere.shared.http_guard import FetchError, StoppedError
from ckanext.ecosphere.shared.language import N_

MESSAGES = {
    "no-preview": N_("Files of this kind are not previewed."),
    "empty": N_("The file is empty."),
    "html": N_("The server answers with a web page instead of the data."),
    "unreadable": N_("The file could not be read: it is damaged, or not what its name says."),
    "active-file": N_(
        "The file has tables that are read from elsewhere (virtual tables): it is not previewed."
        " Download it."
    ),
    "not-confined": N_(
        "Files of this kind are not previewed on this portal, which cannot read them safely."
    ),
    "broken-archive": N_("The archive is damaged or locked by a password."),
    "nothing-inside": N_("The archive holds no file of which a preview is made."),
    "too-many-files": N_("The archive holds too many files."),
    "bomb": N_("The archive is too large once unpacked."),
    "no-table": N_("The file holds no table."),
    "no-crs": N_("The file does not say in which coordinate system it is, so no map can be made."),
    "too-complex": N_("The data are too complex for a preview."),
    "too-slow": N_("It took too long to read the data."),
    "turn-over": N_(
        "The service answers slowly, and others wait. Take a smaller area, or try again later."
    ),
    "too-large": N_("The file is too large for a preview: download it."),
    "no-geojson": N_(
        "The service does not offer its features in a form of which a preview or an extract is"
        " made (GeoJSON, GML)."
    ),
    "no-layer": N_("It is not known which layer of the service belongs to this dataset."),
    "nothing-found": N_("The service has nothing in this area."),
    "no-outline": N_(
        "The outline of the area could not be had. Start again with the intercommunality, a larger"
        " territory or a "
        "rectangle, or try again later."
    ),
    "gone": N_("The dataset has changed meanwhile. Start again."),
    "given-up": N_("It was tried several times without success."),
    "bad-columns": N_("The service has none of the attributes that were chosen."),
}


#: Expected exceptions in fetching and reading untrusted data.
FAILURES = (PreviewError, NoDescriptionError, FetchError, StoppedError)


def code_of(error: Exception) -> str:
    """Return the error code of one of the `FAILURES`."""
    if isinstance(error, PreviewError | NoDescriptionError):
        return error.code
    if isinstance(error, StoppedError) and error.code == "seconds":
        return "too-slow"
    if isinstance(error, StoppedError) or getattr(error, "code", "") == "too-large":
        return "too-large"
    if not isinstance(error, FetchError) or error.refused:
        return "refused"
    if error.code in presentation.SILENT:
        return error.code
    return "connection"


def of_failure(code: str, facts: Row) -> str:
    """Return the message of a failed preview, with the size of a file that is too large."""
    if code == "too-large" and facts.get("file_size"):
        megabytes = round(facts["file_size"] / MEGABYTE)
        message = _("The file is too large for a preview: download it ({number} MB).")
        return message.format(number=tk.h.localised_number(megabytes))
    return sentence(code)


def sentence(code: str) -> str:
    """Return the message of an error code."""
    if code in MESSAGES:
        return _(MESSAGES[code])
    return presentation.sentence(code)
