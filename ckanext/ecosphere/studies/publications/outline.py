"""A study as its documents and files show it: plain data in the language of the reader, without rows or rights.

`of_study` reads the rows of a study once; the annex, the tables, the project of QGIS and the archive are written from
what it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from pyproj import Geod
from shapely.geometry import mapping

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.shared import authorization, dates, language
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.studies import frames, shown, states, store, suitability
from ckanext.ecosphere.studies.helpers import ecosphere_study_sentence
from ckanext.ecosphere.studies.model import Study

DATA = Path(__file__).parents[1] / "data"
VALID_DAYS = 90
"""Days for which a run counts as recent, as those of IPaC (U.S. Fish and Wildlife Service)."""
MOST_PROPOSED = 3
"""Proposals shown for a need of which no dataset was kept."""
AT_ONCE = 100
DAYS = ("submitted", "due", "closed")
"""Of a request."""
NOT_IN_IDS = re.compile(r"[^\w-]")
SQUARE_METRES = 10_000
"""In a hectare."""


@dataclass(frozen=True)
class DatasetLine:
    """A dataset for a need.

    Attributes:
        id, name: of the dataset; `name` is "" if the reader may not read it any more.
        decision: kept, added, proposed or aside; `why` says why it was set aside.
        producer, licence: names.
        date: day of the data (ISO), "" if not stated.
        link: absolute URL of its page, "" without a readable one.
        quality: label of the level of its metadata, "" without one.
        suitability: sentence on its use for this need, "" without one.
        state, sentence: what is known of it on the site, in words.
        count: objects counted on the site, None if they were not counted.
    """

    id: str
    name: str
    title: str
    decision: str = store.PROPOSED
    why: str = ""
    producer: str = ""
    licence: str = ""
    date: str = ""
    link: str = ""
    citation: str = ""
    quality: str = ""
    suitability: str = ""
    state: str = ""
    sentence: str = ""
    count: int | None = None


@dataclass(frozen=True)
class AskedLine:
    """A request made for a need.

    Attributes:
        asked, due, closed: ISO days, "" for none.
        answer: state of the request, in words.
    """

    reference: str
    asked: str = ""
    due: str = ""
    closed: str = ""
    answer: str = ""
    link: str = ""


@dataclass(frozen=True)
class NeedLine:
    """A need, its state on the site, and its datasets."""

    id: str
    label: str
    why: str = ""
    mandatory: bool = False
    state: str = ""
    state_label: str = ""
    sentence: str = ""
    at: str = ""
    datasets: tuple[DatasetLine, ...] = ()
    aside: tuple[DatasetLine, ...] = ()
    asked: AskedLine | None = None


@dataclass(frozen=True)
class GroupLine:
    """Needs that belong together."""

    label: str
    needs: tuple[NeedLine, ...]


@dataclass(frozen=True)
class Outline:
    """A study.

    Attributes:
        geometry: of the site (GeoJSON, degrees), without the buffer of `buffer` metres; `area` has it, and `box` is
            the box around that.
        hectares: area of the geometry on the ellipsoid.
        frame, version: title of the frame, and its version (0 for one of the portal itself).
        sources: of the frame.
        run: number of the last run, 0 before the first; `run_at` is its moment.
        changes: sentences on what changed since the run before.
        packages: the datasets that the reader may read, by id.
        extracts: data around the site, as `clipping.shown` returns them.
    """

    id: str
    title: str
    site: str
    geometry: Mapping[str, Any] = field(default_factory=dict)
    area: Mapping[str, Any] = field(default_factory=dict)
    box: Box | None = None
    buffer: int = 0
    hectares: float = 0.0
    frame: str = ""
    version: int = 0
    sources: tuple[frames.Source, ...] = ()
    run: int = 0
    run_at: datetime | None = None
    groups: tuple[GroupLine, ...] = ()
    changes: tuple[str, ...] = ()
    packages: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    extracts: tuple[dict[str, Any], ...] = ()

    @property
    def valid_until(self) -> datetime | None:
        """Moment until which the run counts as recent."""
        if self.run_at is None:
            return None
        return self.run_at + timedelta(days=VALID_DAYS)

    @property
    def needs(self) -> list[NeedLine]:
        """The needs of all groups."""
        return [need for group in self.groups for need in group.needs]


def of_study(study: Study, context: Any) -> Outline:
    """Return a study as the user of a context may read it; whether they may read the study is checked by the caller."""
    full = shown.full(study, context)
    needs = [need for group in full["groups"] for need in group["needs"]]
    ids = [row["package_id"] for need in needs for row in need["datasets"] if row["readable"]]
    packages = readable(context, ids)
    groups = []
    for group in full["groups"]:
        lines = tuple(_need_line(need, packages) for need in group["needs"])
        groups.append(GroupLine(text_in(group["label"]), lines))
    frame_title, sources = study.frame_id, ()
    frame = frames.frame(study.frame_id)
    if frame is not None:
        frame_title, sources = text_in(frame.title), frame.sources
    site = store.site_of(study)
    square_metres, _perimeter = Geod(ellps="WGS84").geometry_area_perimeter(site.geometry)
    return Outline(
        id=study.id,
        title=one_line(study.title),
        site=one_line(site.label),
        geometry=mapping(site.geometry),
        area=mapping(site.area),
        box=site.box,
        buffer=study.buffer,
        hectares=abs(square_metres) / SQUARE_METRES,
        frame=frame_title,
        version=study.frame_version,
        sources=sources,
        run=study.run,
        run_at=study.run_at,
        groups=tuple(groups),
        changes=_changes_of(study),
        packages=packages,
    )


# --- what other publications use, too -------------------------------------------------------------


def readable(context: Any, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return those datasets that the user of a context may read, by id; one question to the index for a hundred."""
    packages: dict[str, dict[str, Any]] = {}
    unique = list(dict.fromkeys(NOT_IN_IDS.sub("", id_) for id_ in ids if id_))
    for start in range(0, len(unique), AT_ONCE):
        quoted = '" OR "'.join(unique[start : start + AT_ONCE])
        query = {"fq": f'+id:("{quoted}")', "rows": AT_ONCE, "facet": "false"}
        query["include_private"] = True
        answer = tk.get_action("package_search")(authorization.same_person(context), query)
        packages |= {package["id"]: package for package in answer["results"]}
    return packages


def facts_of(package: Row) -> dict[str, str]:
    """Return what a line says of a dataset itself: title, producer, licence, date, link, citation, quality."""
    view = View(package)
    licence = view.text("license_title")
    concept = voc.get("licences").get(view.licence or "")
    if concept:
        licence = concept.label(language.current())
    citation, quality = "", ""
    if tk.h.plugin_loaded("ecosphere_schemas"):
        citation = tk.h.ecosphere_citation(package)["text"]
    if tk.h.plugin_loaded("ecosphere_quality"):
        quality = (tk.h.ecosphere_quality_badge(package) or {}).get("label", "")
    organization = package.get("organization") or {}
    return {
        "title": one_line(view.title or str(package["name"])),
        "producer": one_line(str(organization.get("title") or "")),
        "licence": one_line(licence),
        "date": (view.text("modified") or view.text("issued"))[: dates.DAY_CHARACTERS],
        "link": tk.h.url_for(f"{package['type']}.read", id=package["name"], qualified=True),
        "citation": one_line(citation),
        "quality": quality,
    }


def text_in(labels: Mapping[str, str]) -> str:
    """Return a text that is stored by language, in that of the page."""
    return one_line(frames.in_language(labels, language.current()))


def content_of(name: str) -> Any:
    """Return the content of a file of `data/`, with its texts by language in that of the page."""
    return _in_language(_content(name))


@cache
def _content(name: str) -> Any:
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


def _in_language(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_language(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "fr" in value:
        return text_in(value)
    return {name: _in_language(part) for name, part in value.items()}


def state_label(state: str) -> str:
    """Return the name of a state; "" for an unknown one."""
    if state in states.LABELS:
        return tk._(states.LABELS[state])
    return ""


def sentence_of(finding: Row) -> str:
    """Return what is known, in one sentence without its date; the name of the state if there is none."""
    sentence = ecosphere_study_sentence({**finding, "at": ""})
    return sentence or state_label(finding.get("state", ""))


# --- parts of it ----------------------------------------------------------------------------------


def _need_line(need: Row, packages: Mapping[str, Row]) -> NeedLine:
    about, finding = need["need"], need["finding"]
    use = about.get("use") or ""
    lines = [_dataset_line(row, packages.get(row["package_id"]), use) for row in need["datasets"]]
    chosen = [line for line in lines if line.decision in (store.KEPT, store.ADDED)]
    proposed = [line for line in lines if line.decision == store.PROPOSED]
    sentence = sentence_of(finding)
    if not need["relevant"]:
        sentence = one_line(need["why"])
    return NeedLine(
        id=need["id"],
        label=text_in(about.get("label") or {}),
        why=text_in(about.get("why") or {}),
        mandatory=bool(about.get("mandatory")),
        state=finding.get("state", ""),
        state_label=finding.get("label", ""),
        sentence=sentence,
        at=finding.get("at") or "",
        datasets=tuple(chosen or proposed[:MOST_PROPOSED]),
        aside=tuple(line for line in lines if line.decision == store.ASIDE),
        asked=_asked(need["request"]),
    )


def _dataset_line(row: Row, package: Row | None, use: str) -> DatasetLine:
    """Return a dataset; of one that the reader may not read, neither title nor producer."""
    title = one_line(row["title"]) or tk._("A dataset that you may not read")
    facts = {"title": title, "producer": one_line(row["organisation"])}
    if package:
        facts = facts_of(package) | {"suitability": _suitability(package, use)}
    finding = row["finding"]
    return DatasetLine(
        id=row["package_id"],
        name=row["name"],
        decision=row["decision"],
        why=one_line(row["why"]),
        state=finding.get("label", ""),
        sentence=sentence_of(finding),
        count=finding.get("count"),
        **facts,
    )


def _suitability(package: Row, use: str) -> str:
    """Return how suitable a dataset is for a kind of use, 0 to 5 with its sentence; "" for an unknown use."""
    if use not in suitability.uses():
        return ""
    points, code, params = suitability.score(View(package), use)
    sentence = one_line(suitability.sentence(code, params, language.current()))
    words = tk._("{points} of {best}: {sentence}")
    return words.format(points=points, best=suitability.BEST, sentence=sentence)


def _asked(request: Row | None) -> AskedLine | None:
    """Return the request made for a need; of one that the reader may not read, only that it was made."""
    if request is None:
        return None
    if not request["id"]:
        return AskedLine(tk._("A request that you may not read"))
    reference = request["reference"] or ""
    days = {name: str(request[name] or "")[: dates.DAY_CHARACTERS] for name in DAYS}
    link = tk.h.url_for("ecosphere_requests.read", id=reference or request["id"], qualified=True)
    return AskedLine(
        reference=reference or tk._("Draft"),
        asked=days["submitted"],
        due=days["due"],
        closed=days["closed"],
        answer=request["state_label"] or "",
        link=link,
    )


# --- what changed ---------------------------------------------------------------------------------


def _changes_of(study: Study) -> tuple[str, ...]:
    earlier = store.run_of(study, study.run - 1)
    last = store.run_of(study, study.run)
    if earlier is None or last is None:
        return ()
    return tuple(changes(store.difference(earlier.results, last.results)))


def changes(rows: Iterable[Row]) -> list[str]:
    """Return what changed between two runs in sentences, from `store.difference`."""
    unknown = tk._("Not yet known")
    sentences = []
    for row in rows:
        need = text_in(row["label"])
        if row["before"] != row["after"]:
            before = state_label(row["before"]) or unknown
            after = state_label(row["after"]) or unknown
            sentence = tk._("{need}: “{before}” has become “{after}”.")
            sentences.append(sentence.format(need=need, before=before, after=after))
        for title in row["came"]:
            sentences.append(tk._("{need}: new dataset: {title}").format(need=need, title=title))
        for title in row["went"]:
            sentences.append(tk._("{need}: no longer: {title}").format(need=need, title=title))
        for count in row["counts"]:
            numbers = {name: _counted(count[name]) for name in ("before", "after")}
            sentence = tk._("{need}, {title}: {before} objects have become {after}.")
            sentences.append(sentence.format(need=need, title=count["title"], **numbers))
    return sentences


def _counted(number: int | None) -> str:
    if number is None:
        return tk._("an unknown number of")
    return str(number)
