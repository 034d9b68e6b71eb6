"""Parties of a record: codes of their roles, and persons told from organisations.

Records also name persons in the element of the organisation.
"""

from __future__ import annotations

from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, parts, plain, rows
from ckanext.ecosphere.harvest.record import Contact

_MOST_WORDS = 4
_TITLES = {"m", "mr", "mme", "mlle", "monsieur", "madame", "dr"}
_PARTICLES = {"de", "du", "des", "la", "le", "d", "l"}
_LEAST = 3
"""Length below which a word of a name is not looked for in an e-mail address."""


def role_code(role: str | None) -> str:
    """Return the code of a role, written as a code or a label ("Propriétaire"); unknown ones are returned unchanged."""
    text = (role or "").strip()
    roles = voc.get("agent-role")
    found = (roles.get(text) or roles.find(text)) if text else None
    return found.id if found else text


@cache
def _first_names() -> frozenset[str]:
    return frozenset(name for row in rows("first-names") for name in parts(row["names"]))


def is_person(name: str, contact: Contact) -> bool:
    """Tell whether the name of an organisation is that of a person.

    It is if it begins with a title ("Mme"), consists of a first name and a surname in either order, or if its words are
    in an e-mail address that begins with a first name ("Cordier" of remy.cordier@…).
    """
    words = plain(name).split()
    if not words or len(words) > _MOST_WORDS or any(word.isdigit() for word in words):
        return False
    names = [word for word in words if word not in _PARTICLES]
    if len(names) > 1 and (names[0] in _TITLES or not _first_names().isdisjoint((names[0], names[-1]))):
        return True
    local = plain((contact.email or "").partition("@")[0]).split()
    surnames = [word for word in names if len(word) >= _LEAST]
    return bool(surnames) and local[:1] != [] and local[0] in _first_names() and set(surnames) <= set(local)


def maker_name(contact: Contact) -> str | None:
    """Return the organisation of a party; None for a person, or if there is none."""
    name = contact.organisation
    if not name or is_placeholder(name) or is_person(name, contact):
        return None
    return name
