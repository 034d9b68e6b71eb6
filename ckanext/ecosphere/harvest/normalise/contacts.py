"""Rules for contacts by role: points of contact, publisher, producers, others.

People are public agents doing their work: an organisation with its address comes before a person's name, which is used
only when there is no other way to reach the service.
"""

from __future__ import annotations

import re
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.links.addresses import clean_url
from ckanext.ecosphere.harvest.normalise.parties import maker_name, role_code
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.shared import contact_details

MAX_CONTACTS = 20
_AUTHORS = {"author", "coauthor", "originator", "principalinvestigator"}
_OWNERS = {"owner"}
_CONTACTS = {"pointofcontact"}
_PUBLISHERS = {"publisher"}
_OTHER_MAKERS = ({"custodian"}, _PUBLISHERS, {*_CONTACTS, ""}, {"resourceprovider", "processor"}, {"distributor"})
"""Roles of those who probably made the data if nobody is said to, the first ones first."""
_MAX_NAME = 300


def first_email(text: str | None) -> str | None:
    """Return the first e-mail address in a text ("mailto:a@b.fr ; c@d.fr"), None without any."""
    return contact_details.first_address((text or "")[:500])


def _role(contact: Contact) -> str:
    return plain(role_code(contact.role)).replace(" ", "")


def agent(draft: Draft, contact: Contact) -> dict[str, Any]:
    """Return name, e-mail and page of a party; the e-mail replaces a missing name; empty without either."""
    name = next((n for n in (contact.organisation, contact.individual, contact.position) if not is_placeholder(n)), "")
    email = first_email(contact.email)
    if contact.email and not email and not is_placeholder(contact.email):
        draft.problem("email", value=contact.email)
    found: dict[str, Any] = {"name": cut(one_line(name), _MAX_NAME) or email or ""}
    if email:
        found["email"] = email
    url = clean_url(contact.url).url if contact.url else None
    if url and url.startswith("http"):
        found["url"] = url
    if contact.organisation_href and contact.organisation_href.startswith(("http://", "https://", "urn:")):
        found["uri"] = contact.organisation_href
    if contact.identifier:
        found["identifier"] = cut(one_line(contact.identifier), _MAX_NAME)
    return found if found["name"] else {}


def point_of_contact(draft: Draft, contact: Contact) -> dict[str, Any]:
    """Return a party with its contact details, including the position within the organisation and the telephone."""
    found = agent(draft, contact)
    if not found:
        return found
    if contact.organisation and not is_placeholder(contact.position) and contact.position != found["name"]:
        found["unit"] = cut(one_line(contact.position), _MAX_NAME)
    if contact.phone and not is_placeholder(contact.phone) and (number := _telephone(draft, contact.phone)):
        found["telephone"] = number
    return found


def _telephone(draft: Draft, text: str) -> str:
    """Return a telephone number, the first one if there is more in the text, which is then logged."""
    try:
        return contact_details.international(text)
    except ValueError:
        number = contact_details.first_number(text)
        draft.change("contact", text, number or "no telephone number")
        return number


def contacts(draft: Draft) -> None:
    """Sort the parties by role; without a point of contact, use another party that can be reached."""
    record = draft.record
    points, publishers = [], []
    authors, owners, others = [], [], []
    for contact in record.contacts[:MAX_CONTACTS]:
        found = agent(draft, contact)
        if not found:
            continue
        role = _role(contact)
        attributed = {"agent": [found], "role": _role_uri(draft, contact.role or "")}
        if role in _CONTACTS or not role:
            points.append(point_of_contact(draft, contact))
        elif found["name"] == found.get("email"):
            continue  # an e-mail address without a name is no producer
        elif role in _PUBLISHERS and not publishers:
            publishers.append(found)
        elif role in _AUTHORS and maker_name(contact):
            authors.append(attributed)
        elif role in _OWNERS and maker_name(contact):
            owners.append(attributed)
        else:
            others.append(attributed)
    for contact in record.distributors[:MAX_CONTACTS]:
        found = agent(draft, contact)
        if found:
            others.append({"agent": [found], "role": _role_uri(draft, contact.role or "distributor")})
    _report_left_out(draft)
    makers = authors or owners
    draft.set("contact", _merged(draft, points) or _reachable(draft))
    draft.set("publisher", publishers)
    draft.set("creator", _merged(draft, [row["agent"][0] for row in makers]) or _maker(draft))
    draft.set("qualified_attribution", _distinct([*(owners if authors else []), *others]))


def _report_left_out(draft: Draft) -> None:
    record = draft.record
    given = {
        "pointOfContact": record.contacts,
        "distributor": record.distributors,
        "contact": record.metadata_contacts,
    }
    for element, parties in given.items():
        if len(parties) > MAX_CONTACTS:
            draft.too_many(element, len(parties), MAX_CONTACTS)


def _maker(draft: Draft) -> list[dict[str, Any]]:
    """Return who made the data if no party has the role of an author or owner: by the other roles, in their order.

    A record of which only the service was recognised, by an e-mail address, was made by that service. Parties that are
    already shown as publishers are not repeated.
    """
    record = draft.record
    parties = [*record.contacts[:MAX_CONTACTS], *record.distributors[:MAX_CONTACTS]]
    for roles in _OTHER_MAKERS:
        named = [contact for contact in parties if _role(contact) in roles and maker_name(contact)]
        if named and roles == _PUBLISHERS:
            return []
        if named:
            makers = _merged(draft, [{"name": agent(draft, contact)["name"]} for contact in named])
            draft.change("creator", f"by role: {named[0].role or 'pointOfContact'}", makers[0]["name"])
            return makers
    service = voc.get("organisations").get(draft.dataset.get("owner_org") or "") if draft.organisation_found else None
    return [{"name": service.label_fr}] if service else []


def _reachable(draft: Draft) -> list[dict[str, Any]]:
    """Return a substitute for a missing point of contact, preferably one with an e-mail address."""
    parties = (*draft.record.contacts, *draft.record.metadata_contacts, *draft.record.distributors)
    found = [(contact, item) for contact in parties if (item := agent(draft, contact))]
    reachable = [pair for pair in found if pair[1].get("email")]
    reachable.sort(key=lambda pair: is_placeholder(pair[0].organisation))
    if not reachable:
        draft.problem("no-contact")
    for contact, item in (*reachable, *found):
        draft.change("contact", f"no point of contact; {contact.role or 'metadata contact'}", item["name"])
        return [point_of_contact(draft, contact)]
    return []


def _role_uri(draft: Draft, role: str) -> str:
    roles = voc.get("agent-role")
    found = roles.get(role) or roles.find(role)
    if found:
        return found.uri
    # Roles of later standards (sponsor, funder, user…) are kept as codes.
    return role if re.fullmatch(r"[A-Za-z]{1,40}", role) else roles["custodian"].uri


def _merged(draft: Draft, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each party once: rows that differ in nothing but the telephone, or of which one says less, are one."""
    parties: list[dict[str, Any]] = []
    for item in items:
        same = next((party for party in parties if _is_same(party, item)), None)
        if same is None:
            parties.append(dict(item))
            continue
        if (number := item.get("telephone")) and same.get("telephone", number) != number:
            draft.lost("contactInfo/phone", number)
        same.update({key: value for key, value in item.items() if key not in same})
    return parties


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    both = (one.keys() & other.keys()) - {"telephone"}
    return all(one[key] == other[key] for key in both)


def _distinct(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
