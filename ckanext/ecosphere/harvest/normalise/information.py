"""Rules for what has no field: noted, so that nothing is lost silently, and kept for readers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import bounds, fields
from ckanext.ecosphere.dataset.dates import is_stored_form
from ckanext.ecosphere.harvest.normalise import themes
from ckanext.ecosphere.harvest.normalise.constraints import limits_of_text
from ckanext.ecosphere.harvest.normalise.contacts import first_email, is_person
from ckanext.ecosphere.harvest.normalise.draft import (
    Draft,
    is_placeholder,
    patterns,
    plain,
    reason,
    rows,
    strings_in,
)
from ckanext.ecosphere.harvest.normalise.identity import provenance_of_record
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line, plain_text
from ckanext.ecosphere.harvest.record import Contact
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import information

# --- what is left ----------------------------------------------------------------------------

MAX_LEFT = 100
"""Maximum number of texts noted per record; of the others, only the number."""
MAX_LOOKED_FOR = 2_000
"""Maximum number of texts checked per record; real ones have some hundreds."""
MAX_SEARCHED = 500_000_000
"""Maximum characters searched per record, over all its texts; further texts are only counted."""
_SHORT = 12
"""Maximum length of a text that must match whole words."""
_BETWEEN = " zzzz "
"""Separator word, so that no text matches across two others."""
_COMPARED = 120
"""Characters of a text that are compared: rules cut long texts at their end."""
USED = {
    "standard", "unread", "translations", "links.translations",
    "service.operations.links.translations", "fields", "hierarchy_level", "languages",
    "metadata_language", "metadata_date", "boxes", "periods", "status", "frequency",
    "frequency_period", "next_update", "topic_categories", "keywords.type", "keywords.thesaurus",
    "keywords.thesaurus_href", "dates.type", "dates.value", "maintenance_dates", "scales",
    "resolutions", "reference_systems", "formats.name", "constraints.kind",
    "constraints.access_codes", "constraints.use_codes", "links.function", "links.protocol",
    "links.size_megabytes", "service.operations.links.function",
    "service.operations.links.protocol", "service.type", "conformity.dates", "published",
    "extents", "shapes", "uri", "spatial_representations", "measures.element", "links.role",
    "links.encoding", "links.systems",
}  # fmt: skip
"""Parts of the record that rules interpret, so that their values need not recur as written.

Values that cannot be interpreted are reported as problems by the rule concerned."""
_WORDS_OF_RULES = {
    "unclassified", "utf8", "thumbnail", "large thumbnail", "pointofcontact", "publisher",
    "distributor", "partofseamlessdatabase", "iscomposedof",
}  # fmt: skip
"""Values that add no information."""


def what_is_left(draft: Draft) -> None:
    """Note each text that is neither in the dataset nor noted by a rule, under its path."""
    used = _Used(draft)
    unused: dict[str, dict[str, None]] = {}
    number = 0
    for path, text in islice(_texts(draft.record), MAX_LOOKED_FOR):
        if used.has(text) or (path.startswith("constraints.") and limits_of_text(text)):
            continue
        of_path = unused.setdefault(path, {})
        if text not in of_path:
            number += 1
            if number <= MAX_LEFT:
                of_path[text] = None
    for path, texts in unused.items():
        for text in texts:
            draft.lost(path, " ".join(text.split()))
    if number > MAX_LEFT:
        draft.lost("…", number - MAX_LEFT)


class _Used:
    """The texts of the dataset and of the log, to search for those of the record."""

    def __init__(self, draft: Draft):
        texts = [*strings_in(draft.dataset), *draft.unread]
        for change in draft.log:
            texts += change.texts()
        for problem in draft.problems:
            texts += map(str, problem.params.values())
        self._exact = set(texts)
        self._written = "\n".join(texts)
        self._plain = ""
        self._searched = 0

    def has(self, text: str) -> bool:
        """Tell whether a text was used, or says nothing."""
        if text in self._exact:
            return True
        self._searched += len(self._written)
        if self._searched > MAX_SEARCHED:
            return False
        if len(text) > _SHORT and text.strip() in self._written:
            return True  # the usual case, and cheaper than without accents and punctuation
        sought = plain(text)[:_COMPARED].strip()
        if not sought or sought in _WORDS_OF_RULES:
            return True
        self._plain = self._plain or f" {plain(_BETWEEN.join(self._exact))} "
        if len(sought) > _SHORT:
            return sought in self._plain
        # "PAU" is not in "Pauillac".
        return f" {sought} " in self._plain or is_placeholder(text)


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and text of all content of a record that rules do not interpret."""
    for attribute in _attributes(type(value)):
        inner = getattr(value, attribute)
        if not inner:
            continue
        name = attribute
        if path:
            name = f"{path}.{attribute}"
        if name in USED:
            continue
        if not isinstance(inner, list):
            inner = [inner]
        for item in inner:
            if isinstance(item, str):
                yield name, item
            elif not isinstance(item, bool):
                yield from _texts(item, name)


@cache
def _attributes(kind: type) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in dataclasses.fields(kind))


# --- other information -----------------------------------------------------------------------

MAX_ROW, MAX_TOTAL = 6_000, 24_000
"""Maximum bytes of one row, and of all rows of a dataset; the rest is only in the report."""
MAX_PARTIES = 20
MAX_PATH = 300
MAX_NOTE = 30_000
_SHORTEST = 50
_POINT_OF_CONTACT = "pointOfContact"
NOT_PUBLISHED = "-"
_DEFAULT = "other"
_CODE = re.compile(
    r"(?<![\w/#=.-])[A-Za-z][a-z]*[A-Z0-9][A-Za-z0-9]*\b(?![/=.-]\w)|^[a-z]{4,20}$", re.MULTILINE
)
"""Words in camel case outside addresses, and single words of a line, which may be codes."""
_TECHNICAL = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1)\b[^\s;]*|(?<!\S)urn:uuid:?(?!\S)"
    r"|\{\{[^{}]{1,200}\}\}|(?<![^\s:])[01]\.\.[1n*](?!\S)"
)
"""Addresses on the server itself, names of code spaces, unfilled templates, cardinalities."""
_NOTHING = " \t;:,–-"
_LANGUAGE = re.compile(r"\[([A-Za-z0-9_-]+)\]$")

Note = tuple[str, str, str]
"""Subject, label and text."""


@lru_cache(4096)  # strangers name elements
def subject_of(path: str) -> tuple[str, str]:
    """Return the subject of a note by its path, and a label for its text.

    The subject is an id of the vocabulary, or `NOT_PUBLISHED`.
    """
    for pattern, subject, label in patterns("information-subjects", "subject", "label"):
        if pattern.search(path):
            return subject, label
    return _DEFAULT, ""


def other_information(draft: Draft) -> None:
    """Keep texts without a field by subject, except names of people and refused values."""
    by_subject: dict[str, dict[str, str]] = {}
    for subject, label, written in (*_of_record(draft), *_of_notes(draft)):
        # The credentials of links are taken out by the rule of links.
        text = in_words(characters.without_credentials(written[:MAX_NOTE]))
        bare = " ".join(text.split()).removesuffix("…")
        texts = by_subject.setdefault(subject, {})
        if bare and not any(bare in other for other in texts.values()):
            if label:
                text = f"{label}{information.COLON}{text}"
            texts[text] = bare
    pairs = [(subject, "\n".join(texts)) for subject, texts in by_subject.items() if texts]
    # Short ones first, so that long texts never displace any of them.
    pairs.sort(key=lambda pair: len(pair[1]))
    rows_of_subjects: list[dict[str, str]] = []
    room = MAX_TOTAL
    for subject, text in pairs:
        if room > _SHORTEST:
            short = cut(text, min(MAX_ROW, room))
            rows_of_subjects.append({"subject": subject, "text": short})
            room -= len(short.encode())
        if len(text) > MAX_ROW or room <= _SHORTEST:
            element = f"other_information/{subject}"
            draft.problem("text-cut", length=len(text), element=element)
    draft.set("other_information", sorted(rows_of_subjects, key=information.order))


@cache
def _words() -> dict[str, str]:
    return {row["code"]: row["words"] for row in rows("code-words")}


def in_words(text: str) -> str:
    """Return a text with words in place of codes, without what only software understands."""
    text = _TECHNICAL.sub("", text)
    text = _CODE.sub(lambda match: _words().get(match.group(), match.group()), text)
    return "\n".join(line for line in text.split("\n") if line.strip(_NOTHING) or not line)


def _of_record(draft: Draft) -> Iterator[Note]:
    """Yield the record's own information for readers."""
    record = draft.record
    for row in record.fields.get("other_information") or []:
        yield row.get("subject") or _DEFAULT, "", row.get("text") or ""
    for subject, text in (
        ("purpose", record.purpose),
        ("supplement", record.supplemental_information),
    ):
        if not is_placeholder(text):
            yield subject, "", plain_text(text)
    parties = [*map(_party, (*record.contacts, *record.distributors)[:MAX_PARTIES])]
    of_record = [*map(_party, record.metadata_contacts[:MAX_PARTIES])]
    for line in parties:
        yield "contact", "", line
    for line in of_record:
        if line not in parties:
            yield "record", "", line


def _of_notes(draft: Draft) -> Iterator[Note]:
    """Yield the notes on content without a field."""
    for note in draft.unread:
        path, _colon, text = note.partition(": ")
        subject, label = subject_of(path[:MAX_PATH])
        if subject == NOT_PUBLISHED:
            continue
        if "<" in text or "&" in text:
            text = plain_text(text)
        language = _LANGUAGE.search(path[:MAX_PATH])
        if language:
            text = f"[{language[1]}] {text}"
        yield subject, label, text


def _party(contact: Contact) -> str:
    """Return a party on one line: organisation, role, contact details; never a person's name.

    Telephone and address of a party without an organisation are personal, and so is an e-mail
    address that contains the person's name.
    """
    organisation = contact.organisation or ""
    if is_placeholder(organisation) or is_person(organisation, contact):
        return ""
    role = _role(contact)
    emails = [first_email(text) or "" for text in (contact.email, *contact.other_emails)]
    details = [
        " ".join(map(one_line, contact.address)),
        one_line(contact.phone),
        *(email for email in emails if not _is_of(contact.individual, email)),
    ]
    if contact.url and contact.url.startswith(("http://", "https://")):
        details.append(contact.url)
    details = [detail for detail in details if not is_placeholder(detail)]
    line = one_line(organisation)
    if role:
        line = f"{line} ({role})"
    if details:
        return f"{line} : {' – '.join(details)}"
    return line if role else ""


def _role(contact: Contact) -> str:
    """Return the role of a party in words; empty if it is already among the contacts."""
    code = contact.role or ""
    role = voc.get("agent-role").lookup(code)
    if role and role.id == _POINT_OF_CONTACT:
        return ""
    if role and plain(role.label_fr) != plain(code):
        return f"{role.label_fr}, {code}"
    return code


def _is_of(person: str | None, email: str) -> bool:
    """Tell whether an e-mail address has a word of a person's name, longer than "de"."""
    local = plain(email.partition("@")[0]).split()
    names = [word for word in plain(person or "").split() if len(word) > len("de")]
    return not set(names).isdisjoint(local)


# --- bounds ----------------------------------------------------------------------------------


def within_bounds(draft: Draft) -> None:
    """Cut texts and lists that the schema has no room for; remove characters that no text may have.

    So no record is lost for its length.
    """

    def report(field: str, length: int, limit: int, is_list: bool) -> None:
        unit = "characters"
        if is_list:
            unit = "values"
            draft.too_many(field, length, limit)
        else:
            draft.problem("text-cut", element=field, length=length)
        draft.change(field, reason(unit, value=length), reason(unit, value=limit))

    for name, value in list(draft.dataset.items()):
        draft.dataset[name] = bounds.cut(_clean(value), name, report)


def _clean(value: Any) -> Any:
    if isinstance(value, str) and not characters.is_clean(value):
        return characters.clean(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {name: _clean(item) for name, item in value.items()}
    return value


# --- fields of the ckanext-dcat profiles -----------------------------------------------------

_WEB = re.compile(r"https?://[^\s<>\"]+")
_BLANK_NODE = re.compile(r"N?[0-9a-f]{32}|_:\w+")
_ZERO, _NOT_ZERO = re.compile(r"(?<![\d.])0+[YMDHS]"), re.compile(r"[1-9]")
_OF_CKAN = {
    "author", "author_email", "catalog", "extras", "groups", "id", "maintainer",
    "maintainer_email", "metadata_created", "metadata_modified", "organization", "owner_org",
    "private", "state", "type",
}  # fmt: skip
"""Fields that CKAN sets itself."""
_NOT_TAKEN = frozenset(_OF_CKAN) | {
    "license_title", "license_url", "qualified_relation", "resources", "tags",
}  # fmt: skip
"""Names, besides the judged fields of the table, of which a profile gives what rules decide."""


@cache
def _judged() -> frozenset[str]:
    """Return the fields that only rules set: a value that they refused must not come back."""
    return _NOT_TAKEN.union(field.name for field in fields.fields() if field.entry.get("judged"))


def _web(value: str) -> bool:
    return bool(_WEB.fullmatch(value))


def _of(vocabulary: str) -> Callable[[str], bool]:
    return lambda value: voc.get(vocabulary).get(value) is not None


@cache
def _checks() -> dict[str, Callable[[str], bool]]:
    """Return field → check of its values; others would make the whole dataset invalid."""
    checks: dict[str, Callable[[str], bool]] = {
        "applicable_legislation": _web,
        "hvd_category": lambda value: value.startswith("http://data.europa.eu/bna/c_"),
        "language": _of("language"),
        "temporal_resolution": is_stored_form,
    }
    for field in fields.fields():
        preset = field.entry.get("preset") or ""
        if preset.startswith("ecosphere_url"):
            checks[field.name] = _web
        elif field.iso.get("write") == "integer":
            checks[field.name] = str.isdigit
        elif preset.startswith("ecosphere_concept") and not field.entry.get("vocabulary_open"):
            checks[field.name] = _of(field.vocabulary)
    return checks


def _without_zeros(duration: str) -> str:
    """Return a duration without zero parts: "P7D" for "P0Y0M7DT0H0M0S"."""
    if not _NOT_ZERO.search(duration):
        return duration
    return _ZERO.sub("", duration).removesuffix("T")


def _checked(name: str, value: Any) -> list[str]:
    """Return the values of a field that are valid for it, as texts."""
    values = value
    if not isinstance(value, list):
        values = [value]
    texts = [str(item) for item in values if isinstance(item, str | int)]
    texts = [text for text in texts if text and not _BLANK_NODE.fullmatch(text)]
    if name in _checks():
        texts = list(filter(_checks()[name], texts))
    return texts


def profile_fields(draft: Draft) -> None:
    """Take over fields from the profiles that no rule has set."""
    for name, value in draft.record.fields.items():
        if draft.dataset.get(name) or name in _judged():
            continue
        texts = _checked(name, value)
        if name == "temporal_resolution":
            texts = list(map(_without_zeros, texts))
        if not texts:
            continue
        if isinstance(value, list):
            draft.set(name, texts)
        else:
            draft.set(name, texts[0])
        if draft.record.standard == "dcat":  # its graph was noted before the profiles were applied
            draft.change(name, reason("profile of ckanext-dcat"), texts)
            _forget(draft, texts)


def _forget(draft: Draft, texts: list[str]) -> None:
    """Remove the notes on texts that have a field now."""
    for text in texts:
        draft.unread = [note for note in draft.unread if text not in note]


# --- datasets that another portal of this suite published ------------------------------------

_OF_THE_PORTAL = _OF_CKAN | {"homepage", "sample"}
"""Fields that CKAN sets itself, or that ckanext-dcat reads besides those of the schema."""


def as_published(draft: Draft) -> None:
    """Take over the fields of the other portal.

    Values that this one does not know, as of a list it extended, are reported.
    """
    draft.dataset.clear()
    draft.unread.clear()
    published = draft.record.fields
    for name, value in published.items():
        if name in _OF_THE_PORTAL:
            continue
        valid: Any = value
        if name in _checks():
            valid = _checked(name, value)
            if not isinstance(value, list):
                valid = "".join(valid)
        if valid != value:
            draft.lost(name, value)
        draft.set(name, valid)
    words = [row["name"] for row in published.get("tags") or ()]
    names = dict.fromkeys(_tag(word, draft.context.free_tags) for word in words)
    draft.set("tags", [{"name": name} for name in names if name])


def _tag(word: str, free: bool) -> str | None:
    if free and themes.verbatim(word):
        return word
    return themes.clean(word, free)


def provenance_of_published(draft: Draft) -> None:
    """Keep the original record that the other portal names; else that portal has the original."""
    if not (draft.dataset.get("source_record") or draft.dataset.get("source_catalogue")):
        provenance_of_record(draft)
