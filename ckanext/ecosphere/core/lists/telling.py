"""Format journal entries as text, for pages and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core.lists import journal
from ckanext.ecosphere.core.lists.model import JournalEntry
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.mailing.texts import labelled
from ckanext.ecosphere.vocabularies import overlay

KINDS: Mapping[str, tuple[str, ...]] = {
    "lists": ("vocabulary:",),
    "search": ("search:",),
    "roles": ("role:", "sysadmin", "invitation"),
    "sheets": ("contact-sheet", "service"),
    "harvests": ("harvest:",),
    "texts": ("text:",),
    "settings": ("setting",),
}
"""Kind of change → prefixes of its areas."""
_THINGS: Mapping[str, Any] = {
    "sysadmin": model.User,
    "invitation": model.User,
    "contact-sheet": model.Group,
    "service": model.Group,
    "harvest:first": model.Package,
    "harvest:undo": model.Package,
}
"""Area → table of the objects its entries refer to."""
Titles = Mapping[tuple[Any, str], str]
"""(table, id or name) → title."""


def kinds() -> dict[str, str]:
    """Return the kinds of changes, with their names."""
    return {
        "lists": tk._("Vocabularies"),
        "search": tk._("The search"),
        "roles": tk._("Roles"),
        "sheets": tk._("Contact sheets"),
        "harvests": tk._("Harvests"),
        "texts": tk._("Texts of the portal"),
        "settings": tk._("Settings"),
    }


def titles(entries: Iterable[tuple[str, str]]) -> Titles:
    """Return the titles of the objects that entries refer to, with one query per table.

    Args:
        entries: pairs of area and key.
    """
    wanted: dict[Any, set[str]] = {}
    for area, key in entries:
        for thing, reference in _things(area, key):
            wanted.setdefault(thing, set()).add(reference)
    found: dict[tuple[Any, str], str] = {}
    for thing, references in wanted.items():
        title = thing.fullname if thing is model.User else thing.title
        either = sa.or_(thing.id.in_(references), thing.name.in_(references))
        rows = model.Session.execute(sa.select(thing.id, thing.name, title).where(either)).tuples().all()
        found |= {(thing, name): told or name for _id, name, told in rows}
        found |= {(thing, id_): told or name for id_, name, told in rows}
    return found


def _things(area: str, key: str) -> list[tuple[Any, str]]:
    """Return the objects an entry refers to: pairs of table and id or name."""
    if area.startswith("role:"):
        group_id, _slash, user_id = key.partition("/")
        return [(model.Group, group_id), (model.User, user_id)]
    return [(_THINGS[area], key)] if area in _THINGS else []


def shown(entry: JournalEntry, names: Mapping[str, str], known: Titles) -> dict[str, Any]:
    """Return an entry as the page shows it.

    Args:
        entry: the journal entry.
        names: names of accounts, by id.
        known: result of `titles`.
    """
    return {
        "number": entry.id,
        "at": dates.moment(entry.at),
        "person": _person(entry.person, names),
        "kind": _area(entry.area),
        "what": _what(entry.area, entry.key, entry.before, entry.after, known),
        "parts": list(_parts(entry.before, entry.after)),
        "can_be_taken_back": journal.can_be_taken_back(entry),
    }


def columns() -> list[str]:
    """Return the column headers of the table."""
    return [tk._("Moment"), tk._("Person"), tk._("Kind"), tk._("What"), tk._("Before"), tk._("After")]


def as_rows(
    entries: Iterable[tuple[int, datetime, str | None, str, str, Any, Any]], names: Mapping[str, str], known: Titles
) -> Iterator[list[Any]]:
    """Return entries as table rows; for `names` and `known`, see `shown`."""
    for _number, at, person, area, key, before, after in entries:
        what = _what(area, key, before, after, known)
        parts = list(_parts(before, after))
        yield [at, _person(person, names), _area(area), what, *(_joined(parts, side) for side in ("before", "after"))]


def _person(id_: str | None, names: Mapping[str, str]) -> str:
    if id_ is None:
        return tk._("command or background work")
    return names.get(id_) or tk._("deleted account")


def _area(area: str) -> str:
    edited = overlay.editable().get(area.removeprefix(overlay.AREA))
    if edited:
        return edited.title(language.current())
    return {
        "search:everyday": tk._("Words of the search"),
        "search:weights": tk._("Weights of the search"),
        "search:judged": tk._("Judged question of the search"),
        "role:organization": tk._("Role in a service"),
        "role:group": tk._("Role in a group"),
        "sysadmin": tk._("Administrator of the portal"),
        "invitation": tk._("Invitation sent again"),
        "contact-sheet": tk._("Contact sheet"),
        "service": tk._("Service"),
        "harvest:first": tk._("Source harvested before what waits"),
        "harvest:undo": tk._("Harvest undone"),
        "text:portal": tk._("Text of the portal"),
        "setting": tk._("Setting"),
    }.get(area, area)


def _what(area: str, key: str, before: Any, after: Any, known: Titles) -> str:
    if area.startswith(overlay.AREA):
        name = "label_en" if language.current().startswith("en") else "label_fr"
        edited = overlay.editable().get(area.removeprefix(overlay.AREA))
        term = voc.get(edited.name).get(key) if edited else None
        return (after or {}).get(name) or (term.label(language.current()) if term else key)
    if area == "search:everyday":
        line = after or before or {}
        return tk._("; ").join(line.get("asked", ()))
    if area == "setting":
        return _settings().get(key, key)
    things = _things(area, key)
    return " – ".join(known.get(each) or tk._("deleted") for each in things) if things else key


def _parts(before: Any, after: Any) -> Iterator[dict[str, str]]:
    """Return the differences, field by field."""
    old, new = _fields(before), _fields(after)
    for name in dict.fromkeys((*old, *new)):
        if (old.get(name) or None) != (new.get(name) or None):
            was, now = old.get(name), new.get(name)
            if name == "role":
                was, now = _roles().get(str(was), was), _roles().get(str(now), now)
            yield {"field": _field(name), "before": _text(was), "after": _text(now)}


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {} if value is None else {"": value}


def _field(name: str) -> str:
    return {
        "label_fr": tk._("Name in French"),
        "label_en": tk._("Name in English"),
        "alt_labels": tk._("Synonyms"),
        "broader": tk._("Broader term"),
        "withdrawn": tk._("Withdrawn"),
        "replaced_by": tk._("Replaced by"),
        "uri": tk._("Address"),
        "asked": tk._("Words that people type"),
        "called": tk._("Words of the catalogue"),
        "both": tk._("The other way, too"),
        "value": tk._("Value"),
        "question": tk._("Question"),
        "datasets": tk._("Datasets that answer it"),
        "words": tk._("Words"),
        "role": tk._("Role"),
        "job": tk._("Harvest"),
        "title": tk._("Name of the service"),
        "service": tk._("Service"),
        "until": tk._("Good until"),
        "kind": tk._("Kind of service"),
        "territory": tk._("Territory"),
        "full_name": tk._("Name spelled out"),
        "email": tk._("Functional mailbox"),
        "chief": tk._("Mailbox for late requests"),
        "address": tk._("Postal address"),
        "telephone": tk._("Telephone"),
        "opening": tk._("Opening hours"),
        "web": tk._("Web site"),
        "court": tk._("Administrative court"),
        "fr": tk._("In French"),
        "en": tk._("In English"),
    }.get(name, name)


def _settings() -> dict[str, str]:
    """Return the labels that CKAN's settings page uses for its options."""
    return {
        "ckan.site_title": tk._("Site Title"),
        "ckan.theme": tk._("Custom Stylesheet"),
        "ckan.site_description": tk._("Site Tag Line"),
        "ckan.site_logo": tk._("Site logo"),
        "ckan.site_about": tk._("About"),
        "ckan.site_intro_text": tk._("Intro Text"),
        "ckan.site_custom_css": tk._("Custom CSS"),
        "ecosphere.portal.announcement": tk._("Announcement"),
    }


def _roles() -> dict[str, str]:
    return {
        "admin": tk._("Administrator"),
        "editor": tk._("Editor"),
        "member": tk._("Member"),
        "sysadmin": tk._("Administrator of the portal"),
    }


def _text(value: Any) -> str:
    if value in (None, "", [], False):
        return "–"
    if value is True:
        return tk._("yes")
    return tk._("; ").join(map(str, value)) if isinstance(value, list) else str(value)


def _joined(parts: Iterable[Mapping[str, str]], side: str) -> str:
    """Return the values of all differences, before or after, in one cell."""
    return tk._("; ").join(labelled(each["field"], each[side]) if each["field"] else each[side] for each in parts)
