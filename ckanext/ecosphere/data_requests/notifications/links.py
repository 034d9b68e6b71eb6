"""Neutralisation of links in texts of untrusted users, on pages and in e-mails.

Mail programs turn everything that looks like a URL into a link; `example[.]org` stays text.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from markupsafe import Markup, escape

from ckanext.ecosphere.data_requests.domain import text
from ckanext.ecosphere.shared import rich_text
from ckanext.ecosphere.shared.mailing.texts import harmless

ANCHOR = re.compile(r'<a href="([^"<>]*)"[^<>]*>|</a>')
TAG = re.compile(r"<[^<>]*>")


class Untrusted(str):
    """Plain text of an untrusted user, with links neutralised: shown literally, not as Markdown."""


def html(written: str, plain: bool) -> str:
    """Return a Markdown text as HTML.

    Args:
        written: the text.
        plain: whether links become text: their label, then their URL in parentheses.
    """
    return without_anchors(text.html(written)) if plain else text.html(written)


def shown(row: Any, plain: bool) -> str:
    """Return the text of a request, event or comment as HTML, as rendered on saving.

    Args:
        row: the request, event or comment.
        plain: whether links become text.
    """
    rendered = text.rendered(row)
    return without_anchors(rendered) if plain else rendered


def without_anchors(rendered: str) -> str:
    """Return HTML with links replaced by text: their label, then their URL in parentheses unless it is the label."""
    parts, end, address = [], 0, ""
    for match in ANCHOR.finditer(rendered):
        label = rendered[end : match.start()]
        parts.append(label)
        if address and not _is_address(label, address):
            parts.append(f" ({address})")
        address, end = match[1] or "", match.end()
    return rich_text.without_links("".join([*parts, rendered[end:]]))


def _is_address(label: str, address: str) -> bool:
    return address.removeprefix("mailto:") in (label, f"http://{label}", f"https://{label}")


def defanged(written: str) -> Untrusted:
    """Return a Markdown text as plain text in which mail programs detect no link."""
    rendered = without_anchors(text.html(written))
    lines = re.sub(r"<br ?/?>\n?", "\n", re.sub(r"</(?:p|li|blockquote)>\s*", "\n", rendered))
    return Untrusted(harmless(unescape(TAG.sub("", lines)).strip()))


def mail_html(written: str) -> str:
    """Return a detail of an e-mail as HTML; texts of untrusted users are not rendered as Markdown."""
    if isinstance(written, Untrusted):
        return str(Markup("<p>{}</p>").format(Markup("<br>").join(escape(line) for line in written.split("\n"))))
    return text.html(written)
