"""Headers of answers: Content-Security-Policy, framing, referrer, caching.

Uploaded files that cannot run.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import current_app, g, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.shared.web_guard.incoming import Settings, matches, tables

ENFORCED, REPORTED = "Content-Security-Policy", "Content-Security-Policy-Report-Only"
REFERRER_POLICY = "strict-origin-when-cross-origin"
#: Policy of XML and SVG: no scripts, in an origin of their own.
DATA_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
XML = ("application/xml", "text/xml")
WITHOUT_SCRIPTS = ("object-src", "base-uri", "form-action")
"""Directives that a page with inline scripts respects."""


def add(response: Response, settings: Settings) -> Response:
    """Add the headers to a response; a policy set by the view itself is kept."""
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", REFERRER_POLICY)
    headers.setdefault("Permissions-Policy", tables().permissions_policy)
    if (seconds := g.get("ecosphere_retry_after")) is not None:
        headers["Retry-After"] = str(seconds)
    if response.mimetype in XML or str(response.mimetype).endswith("+xml"):
        headers.setdefault(ENFORCED, DATA_POLICY)
    elif response.mimetype in ("text/html", "application/xhtml+xml") and settings.csp != "off":
        _add_policies(response, settings)
    return response


def keep_private(response: Response) -> Response:
    """Keep answers to logged-in users, by session or token, out of shared caches.

    CKAN marks all answers of its API and dataset exports as "public", even for private datasets. It
    reads the mark set here afterwards; the headers of assets are written later still.
    """
    if tk.current_user.is_authenticated:
        keep_from_caches(response)
    return response


def keep_from_caches(response: Response) -> None:
    """Keep an answer out of shared caches."""
    request.environ["__no_cache__"] = True
    response.cache_control.public = False


def _add_policies(response: Response, settings: Settings) -> None:
    headers = response.headers
    everyone = matches(request.endpoint, tables().framed_anywhere)
    ancestors = "*" if everyone else settings.frame_ancestors
    if ancestors == "'self'":
        headers.setdefault("X-Frame-Options", "SAMEORIGIN")  # for browsers without frame-ancestors
    elif ancestors == "'none'":
        headers.setdefault("X-Frame-Options", "DENY")
    if ENFORCED in headers:
        return  # set by the view or the room
    frames = f"frame-ancestors {ancestors}"
    directives = policy(settings)
    inline = current_app.debug or matches(request.endpoint, tables().scripts_inline)
    if settings.csp == "report-only" or inline:
        enforced = []
        if settings.csp == "enforce":
            # Pages with scripts of their own: only the rest of the policy is enforced.
            enforced = [text for name, text in directives.items() if name in WITHOUT_SCRIPTS]
        headers[ENFORCED] = "; ".join([*enforced, frames])
        headers[REPORTED] = "; ".join(directives.values())
    else:
        headers[ENFORCED] = "; ".join([*directives.values(), frames])


def policy(settings: Settings) -> dict[str, str]:
    """Return the Content-Security-Policy by directive,
    with the administrator's additional sources.
    """
    directives = {name: list(sources) for name, sources in tables().policy.items()}
    for name, sources in settings.csp_extra.items():
        packaged = [source for source in directives.get(name, []) if source != "'none'"]
        directives[name] = packaged + sources
    return {
        name: f"{name} {' '.join(dict.fromkeys(sources))}" for name, sources in directives.items()
    }


def read_extra(text: str) -> dict[str, list[str]]:
    """Parse additional sources, written as a policy: "script-src https://stats.example.org; img-src
    https://…".

    Raises:
        ValueError: a directive without a source, or not a source directive; the message names it.
    """
    directives: dict[str, list[str]] = {}
    for part in filter(None, (directive.strip() for directive in text.split(";"))):
        name, *sources = part.split()
        if not name.endswith(("-src", "-uri", "-action")) or not sources:
            raise ValueError(
                tk._("{directive} is no directive with sources").format(directive=part)
            )
        directives.setdefault(name, []).extend(sources)
    return directives


# --- uploaded files ---

FOLDER = "uploads/"
REDIRECTS = 300
SCRIPTS = (
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "text/ecmascript",
)
"""Types that a page can load as a script, whatever the other headers say."""
UPLOAD_POLICY = "default-src 'none'; sandbox"


def protect_upload(response: Response) -> Response:
    """Make the browser download an uploaded file unless its type is harmless,
    and disable type sniffing.
    """
    if not is_upload() or response.status_code >= REDIRECTS:
        return response
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype in tables().shown_inline:
        # Without a sandbox, in which browsers show no PDF; these types cannot run scripts.
        return response
    if response.mimetype in SCRIPTS:
        response.mimetype = "text/plain"
    response.headers["Content-Security-Policy"] = UPLOAD_POLICY
    disposition = response.headers.get("Content-Disposition", "")
    kind, separator, rest = disposition.partition(";")
    if kind.strip().lower() != "attachment":
        response.headers["Content-Disposition"] = f"attachment{separator}{rest}"
    return response


def is_upload() -> bool:
    """Return whether the request is for an uploaded file."""
    if request.endpoint == "static":
        return str((request.view_args or {}).get("filename", "")).lstrip("/").startswith(FOLDER)
    return matches(request.endpoint, tables().uploads)
