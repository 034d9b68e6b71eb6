"""A study as its documents and files show it: plain data in the language of the reader, without rows or rights.

`of_study` reads the rows of a study once; the annex, the tables, the project of QGIS and the archive are written from
what it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
from pyproj import Geod
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared import authorization, dates, language
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.studies import frames, shown, states, store, suitability
from ckanext.ecosphere.studies.helpers import ecosphere_study_sentence
from ckanext.ecosphere.studies.model import Study

VALID_DAYS = 90
"""Days for which a run counts as recent, as those of IPaC (U.S. Fish and Wildlife Service)."""
MOST_PROPOSED = 3
"""Proposals shown for a need of which no dataset was kept."""
AT_ONCE = 100
_NO_ID = re.compile(r"[^\w-]")
SQUARE_METRES = 10_000
Row = Mapping[str, Any]


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
        extent: how its extent is known (`states.EXTENTS`).
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
    extent: str = ""
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
    rows = [row for need in needs for row in need["datasets"]]
    packages = readable(context, [row["package_id"] for row in rows if row["readable"]])
    frame = None
    if study.frame_id:
        frame = frames.frame(study.frame_id)
    site = store.site_of(study)
    groups = []
    for group in full["groups"]:
        lines = tuple(_need_line(need, packages) for need in group["needs"])
        groups.append(GroupLine(text_in(group["label"]), lines))
    return Outline(
        id=study.id,
        title=one_line(study.title),
        site=one_line(site.label),
        geometry=mapping(site.geometry),
        area=mapping(site.area),
        box=site.box,
        buffer=study.buffer,
        hectares=hectares(site.geometry),
        frame=_frame_title(frame, study.frame_id),
        version=study.frame_version,
        sources=_sources(frame),
        run=study.run,
        run_at=study.run_at,
        groups=tuple(groups),
        changes=tuple(_changes_of(study)),
    )


def readable(context: Any, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return those datasets that the user of a context may read, by id; one question to the index for a hundred."""
    packages: dict[str, dict[str, Any]] = {}
    search = tk.get_action("package_search")
    unique = list(dict.fromkeys(filter(None, ids)))
    for start in range(0, len(unique), AT_ONCE):
        part = [_NO_ID.sub("", id_) for id_ in unique[start : start + AT_ONCE]]
        quoted = '" OR "'.join(part)
        query = {
            "fq": f'+id:("{quoted}")',
            "rows": AT_ONCE,
            "include_private": True,
            "facet": "false",
        }
        for package in search(authorization.same_person(context), query)["results"]:
            packages[package["id"]] = package
    return packages


def hectares(geometry: BaseGeometry) -> float:
    """Return the area of a geometry in degrees, on the ellipsoid WGS 84."""
    area, _perimeter = Geod(ellps="WGS84").geometry_area_perimeter(geometry)
    return abs(area) / SQUARE_METRES


def text_in(labels: Mapping[str, str]) -> str:
    """Return a text that is stored by language, in that of the page."""
    return one_line(str(labels.get(language.current()[:2]) or labels.get("fr") or ""))


def sentence_of(finding: Row) -> str:
    """Return what is known, in one sentence without its date; the name of the state if there is none."""
    sentence = ecosphere_study_sentence({**finding, "at": ""})
    return sentence or state_label(str(finding.get("state") or ""))


def state_label(state: str) -> str:
    """Return the name of a state; "" for an unknown one."""
    label = states.LABELS.get(state)
    if label is None:
        return ""
    return tk._(label)


# --- parts of it ----------------------------------------------------------------------------------


def _need_line(need: Row, packages: Mapping[str, Row]) -> NeedLine:
    about, finding = need["need"], need["finding"]
    use = str(about.get("use") or "")
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
        state=str(finding.get("state") or ""),
        state_label=state_label(str(finding.get("state") or "")),
        sentence=sentence,
        at=str(finding.get("at") or ""),
        datasets=tuple(chosen or proposed[:MOST_PROPOSED]),
        aside=tuple(line for line in lines if line.decision == store.ASIDE),
        asked=_asked(need["request"]),
    )


def _dataset_line(row: Row, package: Row | None, use: str) -> DatasetLine:
    """Return a dataset; of one that the reader may not read, neither title nor producer."""
    finding = row["finding"]
    title = one_line(row["title"]) or tk._("A dataset that you may not read")
    facts = {"title": title, "producer": one_line(row["organisation"])}
    if package:
        facts = facts_of(package) | {"suitability": suitability_of(package, use)}
    return DatasetLine(
        id=row["package_id"],
        name=row["name"],
        decision=row["decision"],
        why=one_line(row["why"]),
        state=state_label(str(finding.get("state") or "")),
        sentence=sentence_of(finding),
        extent=str(finding.get("extent") or ""),
        count=finding.get("count"),
        **facts,
    )


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


def suitability_of(package: Row, use: str) -> str:
    """Return how suitable a dataset is for a kind of use, 0 to 5 with its sentence; "" for an unknown use."""
    if use not in suitability.uses():
        return ""
    points, code, params = suitability.score(View(package), use)
    sentence = suitability.sentence(code, params, language.current())
    return tk._("{points} of {best}: {sentence}").format(
        points=points, best=suitability.BEST, sentence=one_line(sentence)
    )


def _asked(request: Row | None) -> AskedLine | None:
    """Return the request made for a need; of one that the reader may not read, only that it was made."""
    if request is None:
        return None
    if not request["id"]:
        return AskedLine(reference=tk._("A request that you may not read"))
    reference = str(request["reference"] or "")
    days = {name: str(request.get(name) or "")[: dates.DAY_CHARACTERS] for name in _DAYS}
    link = tk.h.url_for("ecosphere_requests.read", id=reference or request["id"], qualified=True)
    answer = str(request["state_label"] or "")
    return AskedLine(
        reference or tk._("Draft"), days["submitted"], days["due"], days["closed"], answer, link
    )


_DAYS = ("submitted", "due", "closed")


def _frame_title(frame: frames.Frame | None, frame_id: str) -> str:
    if frame is None:
        return frame_id
    return text_in(frame.title)


def _sources(frame: frames.Frame | None) -> tuple[frames.Source, ...]:
    if frame is None:
        return ()
    return frame.sources


# --- what changed ---------------------------------------------------------------------------------


def _changes_of(study: Study) -> list[str]:
    earlier = store.run_of(study, study.run - 1)
    last = store.run_of(study, study.run)
    if earlier is None or last is None:
        return []
    return changes(store.difference(earlier.results, last.results))


def changes(rows: Iterable[Row]) -> list[str]:
    """Return what changed between two runs in sentences, from `store.difference`."""
    sentences = []
    for row in rows:
        need = text_in(row["label"])
        if row["before"] != row["after"]:
            sentence = tk._("{need}: “{before}” has become “{after}”.")
            names = {name: _state(row[name]) for name in ("before", "after")}
            sentences.append(sentence.format(need=need, **names))
        for title in row["came"]:
            sentences.append(tk._("{need}: new dataset: {title}").format(need=need, title=title))
        for title in row["went"]:
            sentences.append(tk._("{need}: no longer: {title}").format(need=need, title=title))
        for count in row["counts"]:
            sentence = tk._("{need}, {title}: {before} objects have become {after}.")
            numbers = {name: _counted(count[name]) for name in ("before", "after")}
            sentences.append(sentence.format(need=need, title=count["title"], **numbers))
    return sentences


def _counted(number: int | None) -> str:
    if number is None:
        return tk._("an unknown number of")
    return str(number)


def _state(state: str) -> str:
    return state_label(state) or tk._("Not yet known")
