"""Texts of e-mails: single-line subjects, and untrusted text that mail programs cannot turn into links."""

from __future__ import annotations

import re

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import characters

LONGEST_SUBJECT = 150
NO_BREAK = "\u00a0"
SCHEME = re.compile(r"\b(?:https?|ftp|mailto|javascript|data):(?://)?", re.IGNORECASE)
HOST = re.compile(r"(?<![\w.-])(?:[\w-]+\.)+([^\W\d_]{2,24})(?![\w-])")
#: File extensions: names with one are not hosts.
FILES = frozenset(
    (
        "pdf",
        "csv",
        "txt",
        "ods",
        "odt",
        "xlsx",
        "docx",
        "geojson",
        "gpkg",
        "png",
        "jpg",
        "jpeg",
        "shp",
        "xml",
        "json",
    )
)


def harmless(line: str) -> str:
    """Defuse links in a line: remove URL schemes, put the dots of host names in brackets ("example[.]org")."""
    return HOST.sub(_in_brackets, SCHEME.sub("", line)).replace("@", "[@]")


def _in_brackets(match: re.Match[str]) -> str:
    if match[1].lower() in FILES:
        return match[0]
    return match[0].replace(".", "[.]")


def subject(sentence: str) -> str:
    """Return the subject of an e-mail, on one line with French no-break spaces: the portal's name, then the event."""
    told = f"[{tk.config['ckan.site_title']}] {sentence.rstrip('.')}"
    return NO_BREAK.join(map(characters.one_line, told.split(NO_BREAK)))[:LONGEST_SUBJECT]


def labelled(label: str, words: str) -> str:
    """Format a label and its text; gettext does not extract messages from plain-text templates."""
    return tk._("{label}: {text}").format(label=label, text=words)
