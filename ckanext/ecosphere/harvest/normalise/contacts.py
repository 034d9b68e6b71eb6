"""Rules for contacts by role: points of contact, publisher, producers, others.

People are public agents doing their work: an organisation with its address comes before a person's
name, which is used only when there is no other way to reach the service. Records also name persons
in the element of the organisation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.addresses import clean_url
from ckanext.ecosphere.harvest.normalise.codes import concept_of
from ckanext.ecosphere.harvest.normalise.draft import Draft, reason
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, parts, plain, rows
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.shared import contact_details

Party = dict[str, Any]

MAX_CONTACTS = 20
_AUTHORS = {"author", "coauthor", "originator", "principalinvestigator"}
_OWNERS = {"owner"}
_CONTACTS = {"pointofcontact", ""}
_PUBLISHERS = {"publisher"}
_OTHER_MAKERS = (
    {"custodian"},
    _PUBLISHERS,
    _CONTACTS,
    {"resourceprovider", "processor"},
    {"distributor"},
)
"""Roles of those who probably made the data if nobody is said to, the first ones first."""
_MAX_NAME = 300
_LATER_ROLE = re.compile(r"[A-Za-z]{1,40}")
"""Code of a role of a later standard (sponsor, funder, user…)."""

_MOST_WORDS = 4
"""Words in the name of a person."""
_TITLES = {"m", "mr", "mme", "mlle", "monsieur", "madame", "dr"}
_PARTICLES = {"de", "du", "des", "la", "le", "d", "l"}
_LEAST = 3
"""Length below which a word of a name is not looked for in an e-mail address."""


# --- parties ---------------------------------------------------------------------------------


def role_code(role: str | None) -> str:
    """Return the code of a role, given as a code or a label; unknown ones are unchanged."""
    text = (role or "").strip()
    concept = concept_of("agent-role", text)
    if text and concept:
        return concept.id
    return text


def _role(contact: Contact) -> str:
    return plain(role_code(contact.role)).replace(" ", "")


@cache
def _first_names() -> frozenset[str]:
    names: list[str] = []
    for row in rows("first-names"):
        names += parts(row["names"])
    return frozenset(names)


def is_person(name: str, contact: Contact) -> bool:
    """Tell whether the name of an organisation is that of a person.

    It is if it begins with a title ("Mme"), consists of a first name and a surname in either order,
    or if its words are in an e-mail address that begins with a first name ("Cordier" of
    remy.cordier@…).
    """
    words = plain(name).split()
    if not words or len(words) > _MOST_WORDS or any(word.isdigit() for word in words):
        return False
    names = [word for word in words if word not in _PARTICLES]
    if len(names) > 1 and names[0] in _TITLES:
        return True
    if len(names) > 1 and not _first_names().isdisjoint((names[0], names[-1])):
        return True
    local = plain((contact.email or "").partition("@")[0]).split()
    surnames = {word for word in names if len(word) >= _LEAST}
    begins_with_first_name = bool(local) and local[0] in _first_names()
    return bool(surnames) and begins_with_first_name and surnames <= set(local)


def maker_name(contact: Contact) -> str | None:
    """Return the organisation of a party; None for a person, or if there is none."""
    name = contact.organisation
    if not name or is_placeholder(name) or is_person(name, contact):
        return None
    return name


def first_email(text: str | None) -> str | None:
    """Return the first e-mail address in a text ("mailto:a@b.fr ; c@d.fr"), None without any."""
    return contact_details.first_address((text or "")[:500])


def agent(draft: Draft, contact: Contact) -> Party:
    """Return name, e-mail and page of a party; the e-mail replaces a missing name.

    Empty without either.
    """
    names = (contact.organisation, contact.individual, contact.position)
    name = next((text for text in names if not is_placeholder(text)), "")
    email = first_email(contact.email)
    if not email and not is_placeholder(contact.email):
        draft.problem("email", value=contact.email)
    party: Party = {"name": cut(one_line(name), _MAX_NAME) or email or ""}
    if not party["name"]:
        return {}
    if email:
        party["email"] = email
    url = clean_url(contact.url).url or ""
    if url.startswith("http"):
        party["url"] = url
    href = contact.organisation_href or ""
    if href.startswith(("http://", "https://", "urn:")):
        party["uri"] = href
    if contact.identifier:
        party["identifier"] = cut(one_line(contact.identifier), _MAX_NAME)
    return party


def point_of_contact(draft: Draft, contact: Contact) -> Party:
    """Return a party with its position within the organisation and its telephone."""
    party = agent(draft, contact)
    if not party:
        return party
    has_position = contact.organisation and not is_placeholder(contact.position)
    if has_position and contact.position != party["name"]:
        party["unit"] = cut(one_line(contact.position), _MAX_NAME)
    number = _telephone(draft, contact.phone)
    if number:
        party["telephone"] = number
    return party


def _telephone(draft: Draft, text: str | None) -> str:
    """Return a telephone number, the first one if there is more in the text, which is logged."""
    if not text or is_placeholder(text):
        return ""
    try:
        return contact_details.international(text)
    except ValueError:
        number = contact_details.first_number(text)
        draft.change("contact", text, number or reason("no-telephone"))
        return number


# --- the rule --------------------------------------------------------------------------------


def contacts(draft: Draft) -> None:
    """Sort the parties by role; without a point of contact, use another that can be reached."""
    record = draft.record
    points, publishers = [], []
    authors, owners, others = [], [], []
    for contact in record.contacts[:MAX_CONTACTS]:
        party = agent(draft, contact)
        role = _role(contact)
        if not party:
            continue
        attributed = {"agent": [party], "role": _role_uri(contact.role or "")}
        if role in _CONTACTS:
            points.append(point_of_contact(draft, contact))
        elif party["name"] == party.get("email"):
            continue  # an e-mail address without a name is no producer
        elif role in _PUBLISHERS and not publishers:
            publishers.append(party)
        elif role in _AUTHORS and maker_name(contact):
            authors.append(attributed)
        elif role in _OWNERS and maker_name(contact):
            owners.append(attributed)
        else:
            others.append(attributed)
    for contact in record.distributors[:MAX_CONTACTS]:
        party = agent(draft, contact)
        if party:
            role = _role_uri(contact.role or "distributor")
            others.append({"agent": [party], "role": role})
    _report_left_out(draft)
    if authors:
        others = [*owners, *others]
    makers = [row["agent"][0] for row in authors or owners]
    draft.set("contact", _merged(draft, points) or _reachable(draft))
    draft.set("publisher", publishers)
    draft.set("creator", _merged(draft, makers) or _maker(draft))
    draft.set("qualified_attribution", _distinct(others))


def _report_left_out(draft: Draft) -> None:
    record = draft.record
    by_element = {
        "pointOfContact": record.contacts,
        "distributor": record.distributors,
        "contact": record.metadata_contacts,
    }
    for element, parties in by_element.items():
        if len(parties) > MAX_CONTACTS:
            draft.too_many(element, len(parties), MAX_CONTACTS)


def _maker(draft: Draft) -> list[Party]:
    """Return who made the data if no party has the role of an author or owner: by other roles.

    A record of which only the service was recognised, by an e-mail address, was made by that
    service. Parties that are already shown as publishers are not repeated.
    """
    record = draft.record
    parties = [*record.contacts[:MAX_CONTACTS], *record.distributors[:MAX_CONTACTS]]
    parties = [contact for contact in parties if maker_name(contact)]
    for roles in _OTHER_MAKERS:
        of_roles = [contact for contact in parties if _role(contact) in roles]
        if of_roles and roles == _PUBLISHERS:
            return []
        if of_roles:
            names = [{"name": agent(draft, contact)["name"]} for contact in of_roles]
            makers = _merged(draft, names)
            role = reason("maker-by-role", role=of_roles[0].role or "pointOfContact")
            draft.change("creator", role, makers[0]["name"])
            return makers
    service = voc.get("organisations").get(draft.dataset.get("owner_org") or "")
    if draft.organisation_found and service:
        return [{"name": service.label_fr}]
    return []


def _reachable(draft: Draft) -> list[Party]:
    """Return a substitute for a missing point of contact, preferably with an e-mail address."""
    record = draft.record
    candidates = []
    for contact in (*record.contacts, *record.metadata_contacts, *record.distributors):
        party = agent(draft, contact)
        if party:
            candidates.append((contact, party))
    if not any(party.get("email") for _contact, party in candidates):
        draft.problem("no-contact")
    candidates.sort(key=_reachability)
    if not candidates:
        return []
    contact, party = candidates[0]
    why = reason("contact-of-record")
    if contact.role:
        why = reason("contact-of-role", value=contact.role)
    draft.change("contact", why, party["name"])
    return [point_of_contact(draft, contact)]


def _reachability(candidate: tuple[Contact, Party]) -> tuple[bool, bool]:
    """Return the order of a substitute: those with an e-mail address first, organisations first."""
    contact, party = candidate
    has_email = bool(party.get("email"))
    return not has_email, has_email and is_placeholder(contact.organisation)


def _role_uri(role: str) -> str:
    concept = concept_of("agent-role", role)
    if concept:
        return concept.uri
    if _LATER_ROLE.fullmatch(role):
        return role
    return voc.get("agent-role")["custodian"].uri


def _merged(draft: Draft, items: Iterable[Party]) -> list[Party]:
    """Return each party once.

    Rows that differ in nothing but the telephone, or of which one says less, are one.
    """
    parties: list[Party] = []
    for item in items:
        same = next((party for party in parties if _is_same(party, item)), None)
        if same is None:
            parties.append(dict(item))
            continue
        number = item.get("telephone")
        if number and same.get("telephone", number) != number:
            draft.lost("contactInfo/phone", number)
        same.update({name: value for name, value in item.items() if name not in same})
    return parties


def _is_same(one: Party, other: Party) -> bool:
    both = (one.keys() & other.keys()) - {"telephone"}
    return all(one[name] == other[name] for name in both)


def _distinct(items: Iterable[Party]) -> list[Party]:
    distinct: list[Party] = []
    for item in items:
        if item not in distinct:
            distinct.append(item)
    return distinct
