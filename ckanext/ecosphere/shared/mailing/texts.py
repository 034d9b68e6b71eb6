"""Lines of e-mails: on one line, and so that no mail program makes a link of what strangers wrote."""

from __future__ import annotations

import re

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import characters

LONGEST_SUBJECT = 150
NO_BREAK = "\u00a0"
SCHEME = re.compile(r"\b(?:https?|ftp|mailto|javascript|data):(?://)?", re.IGNORECASE)
HOST = re.compile(r"(?<![\w.-])(?:[\w-]+\.)+([^\W\d_]{2,24})(?![\w-])")
#: Endings of names of files, which are no addresses.
FILES = frozenset(
    ("pdf", "csv", "txt", "ods", "odt", "xlsx", "docx", "geojson", "gpkg", "png", "jpg", "jpeg", "shp", "xml", "json")
)


def harmless(line: str) -> str:
    """Return a line without schemes, with the dots of names of hosts in brackets ("example[.]org")."""
    return HOST.sub(_in_brackets, SCHEME.sub("", line)).replace("@", "[@]")


def _in_brackets(match: re.Match[str]) -> str:
    return match[0] if match[1].lower() in FILES else match[0].replace(".", "[.]")


def subject(sentence: str) -> str:
    """Subject of an e-mail: the portal's name, then what happened, on one line, with the no-break spaces of French."""
    told = f"[{tk.config['ckan.site_title']}] {sentence.rstrip('.')}"
    return NO_BREAK.join(map(characters.one_line, told.split(NO_BREAK)))[:LONGEST_SUBJECT]


def labelled(label: str, words: str) -> str:
    """A label and what it stands for; templates of plain text are not searched for messages."""
    return tk._("{label}: {text}").format(label=label, text=words)
