"""Append-only journal of administrative changes: who changed what, and when; its tables, how it is
filled and shown.

It records administrators' decisions (lists, settings, roles, contact sheets of services), never
what people write in requests, searches or profiles. People are stored by account id: names are
looked up when the journal is shown, so that a name disappears with its account.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.model.system_info import SystemInfo
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, attributes, mapped_column

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates, language, once
from ckanext.ecosphere.shared.mailing import labelled
from ckanext.ecosphere.vocabularies import local


class JournalEntry(tk.BaseModel):
    """A change; a database trigger refuses updates.

    Attributes:
        at: time of the change.
        person: id of the account, None for a command.
        area: kind of object ("vocabulary:themes", "role:organization", "contact-sheet",
            "setting"…).
        key: the object within the area.
        before: the previous value, None if there was none.
        after: the new value, None if it was removed.
    """

    __tablename__ = "ecosphere_journal"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(
        sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    )
    person: Mapped[str | None] = mapped_column(sa.Text)
    area: Mapped[str] = mapped_column(sa.Text, nullable=False)
    key: Mapped[str] = mapped_column(sa.Text, nullable=False)
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (sa.Index("ix_ecosphere_journal_area", "area", "id"),)


class LocalValue(tk.BaseModel):
    """A value changed by administrators, as it is in force.

    Attributes:
        area: the changed list, see `vocabularies/local.py`.
        key: its entry.
        value: the current value; None if the change was undone.
        made: id of the journal entry that created it.
        number: id of the journal entry of its last change.
        indexed: id of the journal entry up to which datasets were reindexed.
    """

    __tablename__ = "ecosphere_local"

    area: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    made: Mapped[int] = mapped_column(sa.BigInteger, nullable=False)
    number: Mapped[int] = mapped_column(sa.BigInteger, nullable=False, index=True)
    indexed: Mapped[int] = mapped_column(
        sa.BigInteger, nullable=False, default=0, server_default="0"
    )


LISTS = ("vocabulary:", "search:everyday")
"""Prefixes of the areas whose changes are stored in `LocalValue` and can be undone."""
LONGEST_TOLD = 500
"""Maximum characters of a setting's value in the journal."""


def note(area: str, key: str, before: Any, after: Any, person: str | None) -> JournalEntry:
    """Add an entry to the caller's transaction and return it with its id."""
    entry = JournalEntry(area=area, key=key, before=before, after=after, person=person)
    model.Session.add(entry)
    model.Session.flush()
    return entry


def shortened(value: Any) -> Any:
    """Return a value as stored in the journal: long texts are cut."""
    if isinstance(value, int | float | bool | None):
        return value
    text = str(value)
    if len(text) > LONGEST_TOLD:
        return f"{text[:LONGEST_TOLD]}…"
    return text


def count(areas: Iterable[str] = ()) -> int:
    """Return the number of entries, of some areas or of all."""
    return (
        model.Session.scalar(_of(sa.select(sa.func.count()).select_from(JournalEntry), areas)) or 0
    )


def page(number: int, size: int, areas: Iterable[str] = ()) -> list[JournalEntry]:
    """Return a page of entries, latest first.

    Args:
        number: page number, from 1.
        size: entries per page.
        areas: prefixes of areas; all when empty.
    """
    query = _of(sa.select(JournalEntry), areas).order_by(JournalEntry.id.desc())
    return list(model.Session.scalars(query.offset((number - 1) * size).limit(size)))


def _names(entries: Iterable[JournalEntry]) -> dict[str, str]:
    """Return the names of the accounts that made changes, by id; deleted accounts are left out."""
    ids = {entry.person for entry in entries if entry.person}
    user: Any = model.User
    query = sa.select(user.id, user.fullname, user.name).where(user.id.in_(ids))
    return {id_: fullname or name for id_, fullname, name in model.Session.execute(query)}


def _of(query: Any, areas: Iterable[str]) -> Any:
    conditions = [JournalEntry.area.startswith(area, autoescape=True) for area in areas]
    if conditions:
        return query.where(sa.or_(*conditions))
    return query


def can_be_taken_back(entry: JournalEntry) -> bool:
    """Return whether a change can be undone.

    An added term cannot, since datasets may use it: withdraw it instead.
    """
    added = (
        entry.area.startswith(local.AREA)
        and entry.before is None
        and (entry.after or {}).get("uri")
    )
    return entry.area.startswith(LISTS) and not added


log = logging.getLogger(__name__)

_KEPT = ("ckan.config_update", "ecosphere.")
"""Keys of the same table that are not settings: the time of the last change, and internal data of
the portal."""


def listen() -> None:
    """Register the listeners."""
    once.listen(model.Member, after_insert=_member, after_update=_member, after_delete=_member_gone)
    once.listen(model.User, after_insert=_account, after_update=_account)
    once.listen(
        SystemInfo, after_insert=_setting, after_update=_setting, after_delete=_setting_gone
    )


def _member(_mapper: Any, connection: Any, member: Any) -> None:
    before = _role(_replaced(member, "capacity"), _replaced(member, "state"))
    _note_role(connection, member, before, _role(member.capacity, member.state))


def _member_gone(_mapper: Any, connection: Any, member: Any) -> None:
    _note_role(connection, member, _role(member.capacity, member.state), None)


def _note_role(connection: Any, member: Any, before: Any, after: Any) -> None:
    if member.table_name == "user" and before != after:
        kind = connection.scalar(
            sa.select(model.Group.is_organization).where(model.Group.id == member.group_id)
        )
        area = "role:organization" if kind else "role:group"
        _insert(connection, area, f"{member.group_id}/{member.table_id}", before, after)


def _account(_mapper: Any, connection: Any, user: Any) -> None:
    before, after = bool(_replaced(user, "sysadmin")), bool(user.sysadmin)
    roles = {True: {"role": "sysadmin"}, False: None}
    if before != after:
        _insert(connection, "sysadmin", user.id, roles[before], roles[after])


def _setting(_mapper: Any, connection: Any, setting: Any) -> None:
    _note_setting(connection, setting.key, _replaced(setting, "value"), setting.value)


def _setting_gone(_mapper: Any, connection: Any, setting: Any) -> None:
    _note_setting(connection, setting.key, setting.value, None)


def _note_setting(connection: Any, key: str, before: Any, after: Any) -> None:
    if not str(key).startswith(_KEPT) and (before or "") != (after or ""):
        old, new = ({"value": shortened(value)} for value in (before, after))
        _insert(connection, "setting", str(key), old, new)


def _replaced(thing: Any, name: str) -> Any:
    """Return the replaced value; the current one if unchanged, None for a new row."""
    history = attributes.get_history(thing, name)
    if history.deleted:
        return history.deleted[0]
    if history.unchanged:
        return history.unchanged[0]
    return None


def _role(capacity: Any, state: Any) -> dict[str, str] | None:
    if capacity and state == "active":
        return {"role": str(capacity)}
    return None


def _insert(connection: Any, area: str, key: str, before: Any, after: Any) -> None:
    """Add an entry through a connection, while a session is being flushed."""
    if not p.plugin_loaded("ecosphere"):
        return
    entry = {"area": area, "key": key, "before": before, "after": after}
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(JournalEntry).values(**entry, person=_current_person()))
    except SQLAlchemyError as error:
        # The journal's table may not exist yet; this must not block the change.
        log.warning("A change (%s) is not in the journal: %s", area, error)


def _current_person() -> str | None:
    """Return the id of the account that makes the change, None for a command."""
    try:
        if tk.current_user.is_authenticated:
            return tk.current_user.id
    except (RuntimeError, AttributeError):
        pass
    return None


KINDS: Mapping[str, tuple[str, ...]] = {
    "lists": ("vocabulary:",),
    "search": ("search:",),
    "roles": ("role:", "sysadmin", "invitation", "second-factor"),
    "sheets": ("contact-sheet", "service"),
    "harvests": ("harvest:",),
    "texts": ("text:",),
    "settings": ("setting",),
}
"""Kind of change → prefixes of its areas."""
_THINGS: Row = {
    "sysadmin": model.User,
    "invitation": model.User,
    "second-factor": model.User,
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
        "lists": _("Vocabularies"),
        "search": _("The search"),
        "roles": _("Roles"),
        "sheets": _("Contact sheets"),
        "harvests": _("Harvests"),
        "texts": _("Texts of the portal"),
        "settings": _("Settings"),
    }


def _titles(entries: Iterable[JournalEntry]) -> Titles:
    """Return the titles of the objects that entries refer to, with one query per table."""
    keys_by_table: dict[Any, set[str]] = {}
    for entry in entries:
        for thing, reference in _things(entry.area, entry.key):
            keys_by_table.setdefault(thing, set()).add(reference)
    titles_by_key: dict[tuple[Any, str], str] = {}
    for thing, references in keys_by_table.items():
        title = thing.fullname if thing is model.User else thing.title
        either = sa.or_(thing.id.in_(references), thing.name.in_(references))
        query = sa.select(thing.id, thing.name, title).where(either)
        for id_, name, label in model.Session.execute(query):
            titles_by_key[thing, id_] = titles_by_key[thing, name] = label or name
    return titles_by_key


def _things(area: str, key: str) -> list[tuple[Any, str]]:
    """Return the objects an entry refers to: pairs of table and id or name."""
    if area.startswith("role:"):
        group_id, _slash, user_id = key.partition("/")
        return [(model.Group, group_id), (model.User, user_id)]
    if area in _THINGS:
        return [(_THINGS[area], key)]
    return []


def shown(entries: Sequence[JournalEntry]) -> list[DataDict]:
    """Return entries as the page shows them."""
    names, known = _names(entries), _titles(entries)
    rows = []
    for entry in entries:
        rows.append(
            {
                "number": entry.id,
                "at": dates.moment(entry.at),
                "person": _person(entry.person, names),
                "kind": _area(entry.area),
                "what": _thing(entry, known),
                "parts": list(_parts(entry.before, entry.after)),
                "can_be_taken_back": can_be_taken_back(entry),
            }
        )
    return rows


def columns() -> list[str]:
    """Return the column headers of the table."""
    return [
        _("Moment"),
        _("Person"),
        _("Kind"),
        _("What"),
        _("Before"),
        _("After"),
    ]


def as_rows(entries: Sequence[JournalEntry]) -> Iterator[list[Any]]:
    """Yield entries as rows of a table, in the order of `columns`."""
    for entry, row in zip(entries, shown(entries), strict=True):
        changes = [_joined(row["parts"], side) for side in ("before", "after")]
        yield [entry.at, row["person"], row["kind"], row["what"], *changes]


def _person(id_: str | None, names: Mapping[str, str]) -> str:
    if id_ is None:
        return _("command or background work")
    return names.get(id_) or _("deleted account")


def _area(area: str) -> str:
    edited = local.editable().get(area.removeprefix(local.AREA))
    if edited:
        return edited.title(language.current())
    return {
        "search:everyday": _("Words of the search"),
        "search:weights": _("Weights of the search"),
        "search:judged": _("Judged question of the search"),
        "role:organization": _("Role in a service"),
        "role:group": _("Role in a group"),
        "sysadmin": _("Administrator of the portal"),
        "invitation": _("Invitation sent again"),
        "second-factor": _("Second factor"),
        "contact-sheet": _("Contact sheet"),
        "service": _("Service"),
        "harvest:first": _("Source harvested before what waits"),
        "harvest:undo": _("Harvest undone"),
        "text:portal": _("Text of the portal"),
        "setting": _("Setting"),
    }.get(area, area)


def _thing(entry: JournalEntry, known: Titles) -> str:
    area, key = entry.area, entry.key
    if area.startswith(local.AREA):
        return _term(area.removeprefix(local.AREA), key, entry.after or {})
    if area == "search:everyday":
        line = entry.after or entry.before or {}
        return _("; ").join(line.get("asked", ()))
    if area == "setting":
        return _settings().get(key, key)
    things = _things(area, key)
    if things:
        return " – ".join(known.get(thing) or _("deleted") for thing in things)
    return key


def _term(vocabulary: str, key: str, after: Row) -> str:
    """Return the name of a term, also of one that is no longer in a list."""
    lang = language.current()
    changed = after.get(f"label_{lang[:2]}")
    if changed or vocabulary not in local.editable():
        return changed or key
    return voc.get(vocabulary).label(key, lang) or key


def _parts(before: Any, after: Any) -> Iterator[dict[str, str]]:
    """Return the differences, field by field."""
    old, new = _fields(before), _fields(after)
    for name in dict.fromkeys((*old, *new)):
        if (old.get(name) or None) != (new.get(name) or None):
            was, now = old.get(name), new.get(name)
            if name == "role":
                was, now = _roles().get(str(was), was), _roles().get(str(now), now)
            yield {"field": _field(name), "before": _text(was), "after": _text(now)}


def _fields(value: Any) -> DataDict:
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    return {"": value}


def _field(name: str) -> str:
    return {
        "label_fr": _("Name in French"),
        "label_en": _("Name in English"),
        "alt_labels": _("Synonyms"),
        "broader": _("Broader term"),
        "withdrawn": _("Withdrawn"),
        "replaced_by": _("Replaced by"),
        "uri": _("Address"),
        "asked": _("Words that people type"),
        "called": _("Words of the catalogue"),
        "both": _("The other way, too"),
        "value": _("Value"),
        "question": _("Question"),
        "datasets": _("Datasets that answer it"),
        "words": _("Words"),
        "role": _("Role"),
        "job": _("Harvest"),
        "title": _("Name of the service"),
        "service": _("Service"),
        "until": _("Good until"),
        "kind": _("Kind of service"),
        "territory": _("Territory"),
        "full_name": _("Name spelled out"),
        "email": _("Functional mailbox"),
        "chief": _("Mailbox for late requests"),
        "address": _("Postal address"),
        "telephone": _("Telephone"),
        "opening": _("Opening hours"),
        "web": _("Web site"),
        "court": _("Administrative court"),
        "fr": _("In French"),
        "en": _("In English"),
    }.get(name, name)


def _settings() -> dict[str, str]:
    """Return the labels that CKAN's settings page uses for its options."""
    return {
        "ckan.site_title": _("Site Title"),
        "ckan.theme": _("Custom Stylesheet"),
        "ckan.site_description": _("Site Tag Line"),
        "ckan.site_logo": _("Site logo"),
        "ckan.site_about": _("About"),
        "ckan.site_intro_text": _("Intro Text"),
        "ckan.site_custom_css": _("Custom CSS"),
        "ecosphere.portal.announcement": _("Announcement"),
    }


def _roles() -> dict[str, str]:
    return {
        "admin": _("Administrator"),
        "editor": _("Editor"),
        "member": _("Member"),
        "sysadmin": _("Administrator of the portal"),
    }


def _text(value: Any) -> str:
    if value in (None, "", [], False):
        return "–"
    if value is True:
        return _("yes")
    if isinstance(value, list):
        return _("; ").join(map(str, value))
    return str(value)


def _joined(parts: Iterable[Mapping[str, str]], side: str) -> str:
    """Return the values of all differences, before or after, in one cell."""
    texts = []
    for part in parts:
        text = part[side]
        if part["field"]:
            text = labelled(part["field"], text)
        texts.append(text)
    return _("; ").join(texts)
