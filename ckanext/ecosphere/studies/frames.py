"""Frames: ordered, grouped lists of the needs of a kind of study.

A frame is a YAML file of `data/frames`, or a version that editors made in the portal. It takes
needs from `data/needs.yaml` and says why this kind of study needs them. A frame of a region or
département inherits from another: it has only what it adds, removes and changes.

A frame of the portal has the id of no file: whoever changes a frame that ships with the suite works
on a copy.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache, lru_cache
from itertools import chain
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from ckan import model as ckan_model
from sqlalchemy import select, update

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import action_input, language
from ckanext.ecosphere.studies.content import DATA, ContentError, Problem, checked, load
from ckanext.ecosphere.studies.model import PortalFrame

log = logging.getLogger(__name__)

MOST_NEEDS = 150
#: Maximum characters of a content.
LONGEST = 200_000
MOST_FRAMES = 500
#: Nested lists and objects of a frame at most; it needs six.
DEEPEST = 20


@dataclass(frozen=True)
class Need:
    """What a study needs to know.

    Attributes:
        id: identifies it in `needs.yaml` and within a frame.
        label: name by language ("fr", "en").
        why: reason, by language, as a short sentence; `source` is the key of the source in the
            frame.
        words: words and phrases by which its data are searched, the best first.
        themes: ids of the vocabulary `themes`, any of which suits.
        place: where its data are looked for, from the site outwards: site, within, epci,
            departement, catchment, national; `distance` in kilometres, for "within".
        scale: denominator of the smallest suitable scale (25000), 0 for any.
        age: years after which data are too old, 0 for any.
        use: kind of use, key of `data/suitability.yaml`.
        mandatory: whether the study must have it; otherwise it is useful.
        call: whom to call, names of services ("DREAL", "OFB").
        references: keys of `data/references.yaml`.
    """

    id: str
    label: dict[str, str]
    why: dict[str, str] = field(default_factory=dict)
    source: str = ""
    words: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    place: str = "site"
    distance: float = 0.0
    scale: int = 0
    age: int = 0
    use: str = ""
    mandatory: bool = False
    call: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @classmethod
    def of_dict(cls, data: Mapping[str, Any]) -> Need:
        """Return a stored need (`dataclasses.asdict`).

        Keys of other versions of this class are ignored.
        """
        values: dict[str, Any] = {}
        for item in fields(cls):
            if item.name in data:
                values[item.name] = data[item.name]
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**values)


@dataclass(frozen=True)
class Source:
    """A source of a frame.

    Attributes:
        key: by which needs refer to it.
        title: article or guide; `url` is its address.
        checked: ISO day on which the text was read, "" if it is quoted from memory.
    """

    key: str
    title: str
    url: str
    checked: str = ""


@dataclass(frozen=True)
class Group:
    """Needs that belong together.

    Attributes:
        label: title by language.
        needs: its needs, in order.
    """

    id: str
    label: dict[str, str]
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class Frame:
    """A frame.

    Attributes:
        id: its file name, or its id in the portal.
        version: 0 for a file, else the version in the portal.
        title, description: by language.
        territory: id of the vocabulary `territories` to which it applies, "" for the whole country.
        inherits: id of the frame from which it inherits, "" for none.
        checked: ISO day on which the frame was checked.
    """

    id: str
    version: int
    title: dict[str, str]
    description: dict[str, str]
    territory: str
    inherits: str
    checked: str
    sources: tuple[Source, ...]
    groups: tuple[Group, ...]

    @property
    def needs(self) -> tuple[Need, ...]:
        """All needs, in order."""
        return tuple(chain.from_iterable(group.needs for group in self.groups))

    def source(self, key: str) -> Source | None:
        """Return a source."""
        return next((source for source in self.sources if source.key == key), None)


#: What a frame inherits that inherits from none.
NO_FRAME = Frame("", 0, {}, {}, "", "", "", (), ())


def in_language(texts: Mapping[str, str], spoken: str) -> str:
    """Return a text in a language ("en", "fr_FR"…), or in French if it has no other."""
    return texts.get(spoken[:2]) or texts.get("fr") or next(iter(texts.values()), "")


def text_in(texts: Mapping[str, str] | None) -> str:
    """Return a text by language in the language of the page; "" for none."""
    return in_language(texts or {}, language.current())


# --- reading -------------------------------------------------------------------------------------


def _lists() -> dict[str, Container[str]]:
    """Return what needs may refer to."""
    lists = {"themes": voc.get("themes"), "territories": voc.get("territories")}
    uses = load(DATA / "suitability.yaml")["uses"]
    return {**lists, "uses": uses, "references": load(DATA / "references.yaml")}


@cache
def needs() -> dict[str, Need]:
    """Return the needs of `data/needs.yaml` by id.

    Raises:
        ContentError: the file is wrong.
    """
    rows = checked(load(DATA / "needs.yaml"), "needs", "needs.yaml", _lists())
    return {id_: Need.of_dict({**row, "id": id_}) for id_, row in rows.items()}


def frame_of(
    content: Any, id_: str = "", version: int = 0, parents: Mapping[str, Frame] | None = None
) -> Frame:
    """Return the frame that a content describes, inherited parts included.

    Args:
        content: as in a file of `data/frames`, of a file or of an editor.
        parents: frames from which it may inherit; those of files by default.

    Raises:
        ContentError: with all that is wrong, where, and what to do.
    """
    if parents is None:
        parents = shipped()
    place = id_ or "frame"
    inherits, own_sources = _references_of(content)
    parent = parents.get(inherits, NO_FRAME)
    inherited = {need.id: need for need in parent.needs}
    sources = {source.key: source for source in parent.sources}
    lists = {
        **_lists(),
        "parents": parents,
        "inherited": inherited,
        "needs": needs() | inherited,
        "groups": {group.id for group in parent.groups},
        "sources": {*sources, *own_sources},
    }
    values = checked(content, "frame", place, lists)
    sources |= {row["key"]: Source(**row) for row in values.get("sources", ())}
    frame_ = Frame(
        id=id_,
        version=version,
        title=values["title"],
        description=values.get("description", {}),
        territory=values.get("territory", ""),
        inherits=inherits,
        checked=values.get("checked", ""),
        sources=tuple(sources.values()),
        groups=_groups(values, parent, place),
    )
    count = len(frame_.needs)
    if not count:
        raise ContentError([Problem("no-needs", place=place)])
    if count > MOST_NEEDS:
        params = {"key": "needs", "count": count, "most": MOST_NEEDS}
        raise ContentError([Problem("too-many", place=place, **params)])
    return frame_


def _references_of(content: Any) -> tuple[str, list[str]]:
    """Return the id of the parent and the keys of the sources of a
    content that was not checked yet.
    """
    if not isinstance(content, dict):
        return "", []
    sources = content.get("sources")
    if not isinstance(sources, list):
        sources = []
    keys = [str(row.get("key")) for row in sources if isinstance(row, dict)]
    return str(content.get("inherits") or ""), keys


def _groups(values: Mapping[str, Any], parent: Frame, place: str) -> tuple[Group, ...]:
    """Return the groups: those of the parent without what is removed,
    then what is changed or new.
    """
    labels = {group.id: group.label for group in parent.groups}
    placed: dict[str, tuple[str, Need]] = {}
    for group in parent.groups:
        placed |= {need.id: (group.id, need) for need in group.needs}
    bases = needs() | {need.id: need for need in parent.needs}
    for need_id in values.get("remove", ()):
        placed.pop(need_id, None)
    own: set[str] = set()
    for row in values.get("groups", ()):
        labels[row["id"]] = row.get("label") or labels[row["id"]]
        for entry in row.get("needs", ()):
            need_id = entry["need"]
            if need_id in own:
                where = f"{place} > {row['id']} > {need_id}"
                raise ContentError([Problem("twice", place=where, value=need_id)])
            own.add(need_id)
            base = bases.get(need_id, Need(need_id, {}))
            placed[need_id] = (row["id"], Need.of_dict({**asdict(base), **entry}))
    groups = []
    for group_id, label in labels.items():
        inside = tuple(need for place_, need in placed.values() if place_ == group_id)
        if inside:
            groups.append(Group(group_id, label, inside))
    return tuple(groups)


def build(
    contents: Mapping[str, tuple[int, Any]],
) -> tuple[dict[str, Frame], dict[str, ContentError]]:
    """Return the frames of contents by id, parents first, and what is wrong with the others.

    Args:
        contents: version and content by id.
    """
    built: dict[str, Frame] = {}
    wrong: dict[str, ContentError] = {}
    waiting = dict(contents)
    while waiting:
        ready = [id_ for id_ in waiting if _references_of(waiting[id_][1])[0] not in waiting]
        # Those that inherit from each other are never ready; none of them is among the parents.
        for id_ in ready or list(waiting):
            version, content = waiting.pop(id_)
            try:
                built[id_] = frame_of(content, id_, version, built)
            except ContentError as error:
                wrong[id_] = error
    return built, wrong


@cache
def _files() -> dict[str, tuple[int, Any]]:
    paths = sorted((DATA / "frames").glob("*.yaml"))
    return {path.stem: (0, load(path)) for path in paths}


@cache
def shipped() -> dict[str, Frame]:
    """Return the frames of files by id.

    Raises:
        ContentError: a file is wrong.
    """
    built, wrong = build(_files())
    if wrong:
        raise ContentError(list(chain.from_iterable(error.problems for error in wrong.values())))
    return built


# --- what differs --------------------------------------------------------------------------------


def difference(frame_: Frame, parent: Frame) -> dict[str, list[Need]]:
    """Return the needs that a frame adds to the one from which it inherits, removes and changes,
    in their order.
    """
    before = {need.id: need for need in parent.needs}
    after = {need.id: need for need in frame_.needs}
    common = [need for id_, need in after.items() if id_ in before]
    return {
        "added": [need for id_, need in after.items() if id_ not in before],
        "removed": [need for id_, need in before.items() if id_ not in after],
        "changed": [need for need in common if need != before[need.id]],
    }


# --- frames in force -----------------------------------------------------------------------------


def frames() -> tuple[Frame, ...]:
    """Return the frames in force, those of files and of the portal, inherited parts included.

    National ones first, by title. A version of the portal takes the place of the file with the
    same id; one that can no longer be used is logged, and the file is in force.
    """
    query = select(PortalFrame.id).distinct(PortalFrame.frame_id)
    query = query.order_by(PortalFrame.frame_id, PortalFrame.version.desc())
    return _in_force(tuple(ckan_model.Session.scalars(query)))


def frame(id_: str) -> Frame | None:
    """Return a frame in force."""
    return next((candidate for candidate in frames() if candidate.id == id_), None)


def get(id_: str) -> Frame:
    """Return a frame in force.

    Raises:
        NotFound: there is none.
    """
    in_force = frame(id_)
    if in_force is None:
        raise tk.ObjectNotFound(tk._("There is no such frame."))
    return in_force


def content_of(frame_: Frame) -> Any:
    """Return the content from which a frame in force was read, to copy and change."""
    if not frame_.version:
        return _files()[frame_.id][1]
    return next(row.content for row in versions(frame_.id) if row.version == frame_.version)


@lru_cache(maxsize=4)
def _in_force(ids: tuple[str, ...]) -> tuple[Frame, ...]:
    """Return the frames of files and of these rows of the portal, which never change."""
    portal: dict[str, tuple[int, Any]] = {}
    if ids:
        query = select(PortalFrame).where(PortalFrame.id.in_(ids))
        for row in ckan_model.Session.scalars(query):
            portal[row.frame_id] = (row.version, row.content)
    built, wrong = build({**_files(), **portal})
    for id_, error in wrong.items():
        log.warning("frame %s cannot be used: %s", id_, error)
        portal.pop(id_, None)
    if wrong:
        built, wrong = build({**_files(), **portal})
    return tuple(sorted(built.values(), key=_order))


def _order(frame_: Frame) -> tuple[bool, str]:
    return bool(frame_.territory), voc.normalise(in_language(frame_.title, "fr"))


# --- frames of editors ---------------------------------------------------------------------------


def parsed(text: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        ValueError: it is too long, or no YAML that is accepted; the message is in the language of
            the page.
    """
    if len(text) > LONGEST:
        raise ValueError(_too_long())
    try:
        # Neither nested parts nor references to them, which make a small text very large, are built
        # before.
        depth = deepest = 0
        aliases = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            deepest = max(deepest, depth)
            aliases += isinstance(event, yaml.AliasEvent)
        if deepest > DEEPEST:
            message = tk._("This is nested too deeply.")
        elif aliases:
            message = tk._("Write a text again instead of referring to it (*).")
        else:
            return yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = tk._("This is no YAML that can be read.")
        mark = getattr(error, "problem_mark", None)
        if mark:
            message = tk._("This is no YAML: look at line {line}.").format(line=mark.line + 1)
    raise ValueError(message)


def _too_long() -> str:
    return tk._("Too long: {number} characters at most.").format(number=LONGEST)


def written(content: Any) -> str:
    """Return a content as YAML."""
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100)


def derived(parent: Frame) -> dict[str, Any]:
    """Return the content of a frame that inherits from another one, to be changed by an editor."""
    return {
        "title": dict(parent.title),
        "description": dict(parent.description),
        "territory": parent.territory,
        "inherits": parent.id,
        "checked": "",
        "sources": [],
        "remove": [],
        "groups": [],
    }


def versions(frame_id: str) -> list[PortalFrame]:
    """Return the versions of a frame of the portal, the last one first."""
    query = select(PortalFrame).where(PortalFrame.frame_id == frame_id)
    return list(ckan_model.Session.scalars(query.order_by(PortalFrame.version.desc())))


def save(frame_id: str, content: Any, user_id: str) -> PortalFrame:
    """Store a version of a frame; the caller commits.

    Args:
        frame_id: of the frame that is changed, "" for a new one.
        content: as in a file of `data/frames`; a text is YAML.

    Raises:
        NotFound: the portal has no such frame.
        ValidationError: what is wrong with the content, and where; or the portal has as many frames
            as possible.
    """
    earlier = versions(frame_id)
    if frame_id and not earlier:
        raise tk.ObjectNotFound(tk._("There is no such frame of the portal."))
    in_force = {frame.id: frame for frame in frames()}
    parents = {id_: frame for id_, frame in in_force.items() if id_ != frame_id}
    try:
        if isinstance(content, str):
            content = parsed(content)
        text = json.dumps(content, default=str)
        if len(text) > LONGEST:
            raise ValueError(_too_long())
        content = json.loads(text)
        frame = frame_of(content, frame_id or tk._("frame"), 1, parents)
    except ContentError as error:
        sentences = [problem.text(tk._) for problem in error.problems]
        raise tk.ValidationError({"content": sentences}) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise tk.ValidationError({"content": [str(error)]}) from None
    row = PortalFrame(frame_id=frame_id, version=1, content=content, author_id=user_id)
    if earlier:
        row.version = earlier[0].version + 1
    elif len(in_force) >= MOST_FRAMES:
        message = tk._("The portal has as many frames as it may have.")
        raise tk.ValidationError({"content": [message]})
    else:
        title = in_language(frame.title, "fr")
        row.frame_id = action_input.free_name(title, in_force.get)
    ckan_model.Session.add(row)
    return row


def forget_person(user_id: str) -> None:
    """Erase a person's name from the frames they made; the caller commits."""
    rows = update(PortalFrame).where(PortalFrame.author_id == user_id)
    ckan_model.Session.execute(rows.values(author_id=""))
