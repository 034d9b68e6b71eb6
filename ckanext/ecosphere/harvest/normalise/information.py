"""Rule that keeps information without a dataset field, grouped by subject, so that readers can see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.contacts import first_email
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.parties import is_person
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain, rows
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line, plain_text
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.shared.characters import without_credentials
from ckanext.ecosphere.vocabularies import information

MAX_ROW, MAX_TOTAL = 6_000, 24_000
"""Maximum bytes of one row, and of all rows of a dataset; the rest is only in the report."""
MAX_PARTIES = 20
MAX_PATH = 300
MAX_GIVEN = 30_000
_SHORTEST = 50
_POINT_OF_CONTACT = "pointOfContact"
NOT_PUBLISHED = "-"
_DEFAULT = "other"
_CODE = re.compile(r"(?<![\w/#=.-])[A-Za-z][a-z]*[A-Z0-9][A-Za-z0-9]*\b(?![/=.-]\w)|^[a-z]{4,20}$", re.MULTILINE)
"""Words in camel case outside addresses, and single words of a line, which may be codes."""
_TECHNICAL = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1)\b[^\s;]*|(?<!\S)urn:uuid:?(?!\S)"
    r"|\{\{[^{}]{1,200}\}\}|(?<![^\s:])[01]\.\.[1n*](?!\S)"
)
"""Addresses on the server itself, names of code spaces, unfilled templates, cardinalities."""
_NOTHING = " \t;:,–-"
_LANGUAGE = re.compile(r"\[([A-Za-z0-9_-]+)\]$")


@lru_cache(4096)  # strangers name elements
def subject_of(path: str) -> tuple[str, str]:
    """Return the subject of a note by its path (id of the vocabulary or `NOT_PUBLISHED`), and a label for its text."""
    return next(((subject, label) for pattern, subject, label in _patterns() if pattern.search(path)), (_DEFAULT, ""))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return tuple((re.compile(row["pattern"]), row["subject"], row["label"]) for row in rows("information-subjects"))


def other_information(draft: Draft) -> None:
    """Keep texts without a field by subject, except names of people and values that a rule refused."""
    by_subject: dict[str, dict[str, str]] = {}
    for subject, label, given in (*_rows(draft), *_notes(draft)):
        known = by_subject.setdefault(subject, {})
        # The credentials of links are taken out by the rule of links.
        text = in_words(without_credentials(given[:MAX_GIVEN]))
        bare = " ".join(text.split()).removesuffix("…")
        if bare and not any(bare in each for each in known.values()):
            known[f"{label}{information.COLON}{text}" if label else text] = bare
    found, left = [], MAX_TOTAL
    whole = [(subject, "\n".join(texts)) for subject, texts in by_subject.items() if texts]
    for subject, text in sorted(
        whole, key=lambda pair: len(pair[1])
    ):  # so that long texts never displace any of the short ones
        if left > _SHORTEST:
            found.append({"subject": subject, "text": cut(text, min(MAX_ROW, left))})
            left -= len(found[-1]["text"].encode())
        if len(text) > MAX_ROW or left <= _SHORTEST:
            draft.problem("text-cut", length=len(text), element=f"other_information/{subject}")
    draft.set("other_information", sorted(found, key=information.order))


@cache
def _words() -> dict[str, str]:
    return {row["code"]: row["words"] for row in rows("code-words")}


def in_words(text: str) -> str:
    """Return a text with words in place of codes, without what only the source's own software understands."""
    text = _TECHNICAL.sub("", text)
    text = _CODE.sub(lambda found: _words().get(found.group(), found.group()), text)
    return "\n".join(line for line in text.split("\n") if line.strip(_NOTHING) or not line)


def _rows(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Yield subject, label and text of the record's own information for readers."""
    record = draft.record
    for row in record.fields.get("other_information") or []:
        yield row.get("subject") or _DEFAULT, "", row.get("text") or ""
    for subject, text in (("purpose", record.purpose), ("supplement", record.supplemental_information)):
        if not is_placeholder(text):
            yield subject, "", plain_text(text)
    parties = [_party(each) for each in (*record.contacts, *record.distributors)[:MAX_PARTIES]]
    yield from (("contact", "", line) for line in parties)
    of_record = [_party(each) for each in record.metadata_contacts[:MAX_PARTIES]]
    yield from (("record", "", line) for line in of_record if line not in parties)


def _notes(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Yield subject, label and text of the notes on content without a field."""
    for note in draft.unread:
        path, _colon, value = note.partition(": ")
        subject, label = subject_of(path[:MAX_PATH])
        if subject == NOT_PUBLISHED:
            continue
        language = _LANGUAGE.search(path[:MAX_PATH])
        text = plain_text(value) if "<" in value or "&" in value else value
        if language:
            text = f"[{language[1]}] {text}"
        yield subject, label, text


def _party(contact: Contact) -> str:
    """Return a party on one line: organisation, role, contact details; never the name of a person.

    Telephone and address of a party without an organisation are personal, and so is an e-mail address that contains the
    person's name.
    """
    if is_placeholder(contact.organisation) or is_person(contact.organisation or "", contact):
        return ""
    role = voc.get("agent-role").get(contact.role or "") or voc.get("agent-role").find(contact.role or "")
    code = contact.role or ""
    named = f"{role.label_fr}, {code}" if role and plain(role.label_fr) != plain(code) else code
    if role and role.id == _POINT_OF_CONTACT:
        named = ""  # already among the contacts
    emails = [first_email(each) or "" for each in (contact.email, *contact.other_emails)]
    ways = [
        " ".join(one_line(part) for part in contact.address),
        one_line(contact.phone),
        *(each for each in emails if not _is_of(contact.individual, each)),
        contact.url if contact.url and contact.url.startswith(("http://", "https://")) else "",
    ]
    told = " – ".join(each for each in ways if each and not is_placeholder(each))
    line = f"{one_line(contact.organisation)} ({named})" if named else one_line(contact.organisation)
    return f"{line} : {told}" if told else line if named else ""


def _is_of(person: str | None, email: str) -> bool:
    local = plain(email.partition("@")[0]).split()
    return any(len(word) > 2 and word in local for word in plain(person or "").split())  # noqa: PLR2004 - not "de"
