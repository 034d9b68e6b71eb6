"""Studies as actions and pages show them, limited to what each reader may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import ckan.plugins.toolkit as tk
import shapely
import sqlalchemy as sa
from ckan import authz, model

from ckanext.ecosphere.dataset import outlines
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.shared import authorization, dates
from ckanext.ecosphere.studies import frames, store, wording
from ckanext.ecosphere.studies.model import Study, StudyDataset, StudyNeed
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding

#: States of a request in which an answer is still to come.
PENDING = frozenset(("submitted", "open", "needs_info", "in_progress"))
#: What is shown of a request.
REQUEST = ("id", "reference", "state", "state_label", "title", "submitted", "due", "closed")
PLAIN = ("id", "title", "frame_id", "frame_version", "buffer", "state", "run", "pending")


def brief(study: Study, reader_id: str | None) -> dict[str, Any]:
    """Return a study for a list."""
    about = {name: getattr(study, name) for name in PLAIN}
    return {
        **about,
        "frame": _frame(study),
        "site_label": str(study.site.get("label") or tk._("Drawn on the map")),
        "role": store.role(study, reader_id),
        "owner": people([study.owner_id]).get(study.owner_id, ""),
        "created": study.created.isoformat(),
        "modified": study.modified.isoformat(),
        "run_at": study.run_at.isoformat() if study.run_at else None,
    }


def _frame(study: Study) -> dict[str, Any] | None:
    if not study.frame_id:
        return None
    frame = frames.frame(study.frame_id)
    title = {}
    if frame is not None:
        title = dict(frame.title)
    return {"id": study.frame_id, "version": study.frame_version, "title": title}


def full(study: Study, context: Any) -> dict[str, Any]:
    """Return a study with its site, its needs by group, their state and datasets,
    and its people.
    """
    reader = authorization.person(context)
    about = brief(study, reader.id if reader else None)
    rows = store.needs(study)
    by_need = store.datasets(rows)
    readable = Readable.of(chain.from_iterable(by_need.values()), context)
    names = people(row.who for row in rows)
    needs: list[dict[str, Any]] = []
    groups: list[dict[str, Any]] = []
    for row in rows:
        request = request_of(row, context)
        is_asked_for = is_pending(request)
        finding = store.concluded(row, by_need[row.id], is_asked_for, about["run_at"])
        need = {
            "id": row.id,
            "need": row.need,
            "relevant": row.relevant,
            "why": row.why,
            "who": names.get(row.who, ""),
            "request": request,
            "finding": shown_finding(finding),
            "datasets": [dataset(stored, readable) for stored in by_need[row.id]],
        }
        needs.append(need)
        if not groups or groups[-1]["label"] != row.group:
            groups.append({"label": row.group, "needs": []})
        groups[-1]["needs"].append(need)
    people_of_study = []
    if about["role"] == store.OWNER:
        people_of_study = _members(study)
    return {
        **about,
        "site": study.site,
        "groups": groups,
        "share": share(needs),
        "members": people_of_study,
    }


def shown_finding(finding: Finding | None) -> dict[str, Any]:
    """Return a finding as JSON values; empty for none.

    Returns:
        what `Finding` has, `label` and `icon` of its state, `evidence` (what is known, in words;
        else the label), and `sentence`, which also says when the service was asked.
    """
    if finding is None:
        return {}
    label = wording.state(finding.state)
    return {
        **asdict(finding),
        "label": label,
        "icon": wording.ICONS.get(finding.state, "circle-question"),
        "evidence": wording.evidence(finding) or label,
        "sentence": wording.sentence(finding),
    }


def dataset(row: StudyDataset, visible: Readable) -> dict[str, Any]:
    """Return a dataset of a need; title and service only if the reader may read it."""
    readable = row.package_id in visible.names
    is_titled = readable or row.package_id in visible.gone
    return {
        "package_id": row.package_id,
        "name": visible.names.get(row.package_id, ""),
        "title": row.title if is_titled else "",
        "organisation": row.organisation if is_titled else "",
        "readable": readable,
        "gone": row.package_id in visible.gone,
        "decision": row.decision,
        "why": row.why,
        "reasons": row.reasons,
        "rank": row.rank,
        "finding": shown_finding(store.finding_of(row.finding)),
    }


@dataclass(frozen=True)
class Readable:
    """Which datasets of a study the reader may read.

    Attributes:
        names: name by id of those that the reader may read.
        gone: ids of public ones that were deleted since; of them title and service are shown as
            they were.
    """

    names: dict[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rows: Iterable[StudyDataset], context: Any) -> Readable:
        """Look the datasets up with one query; CKAN decides on those that are private."""
        ids = {row.package_id for row in rows}
        package: Any = model.Package
        columns = (package.id, package.name, package.private, package.state)
        names, deleted = {}, set()
        for id_, name, private, state in model.Session.execute(
            sa.select(*columns).where(package.id.in_(ids))
        ):
            if state != model.State.ACTIVE:
                if not private:
                    deleted.add(id_)
            elif not private or _may_read(id_, context):
                names[id_] = name
        return cls(names, frozenset(deleted))


def _may_read(package_id: str, context: Any) -> bool:
    same = authorization.same_person(context)
    return authz.is_authorized_boolean("package_show", same, {"id": package_id})


def request_of(row: StudyNeed, context: Any) -> dict[str, Any] | None:
    """Return the request made for a need, as the reader may see it; None without one.

    Of a request that the reader may not read, only the fact is told.
    """
    if row.request_id is None:
        return None
    if not tk.h.plugin_loaded("ecosphere_requests"):
        return {"id": "", "state": ""}
    try:
        request = tk.get_action("ecosphere_request_show")(
            authorization.same_person(context), {"id": row.request_id}
        )
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return {"id": "", "state": ""}
    return {name: request.get(name) for name in REQUEST}


def is_pending(request: dict[str, Any] | None) -> bool:
    """Return whether an answer to a request is still to come.

    Yes for one that the reader may not read.
    """
    if request is None:
        return False
    return not request["id"] or request["state"] in PENDING


def share(needs: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Return how many of the relevant needs have an answer: data that cover the site,
    or proof of nothing there.
    """
    relevant = [each for each in needs if each["relevant"]]
    answered = [each for each in relevant if each["finding"].get("state") in store.ANSWERED]
    return {"answered": len(answered), "needs": len(relevant)}


def _members(study: Study) -> list[dict[str, Any]]:
    rows = store.members(study)
    names = people(row.user_id or "" for row in rows)
    members = []
    for row in rows:
        about = {"id": row.id, "may_write": row.may_write, "created": row.created.isoformat()}
        name = names.get(row.user_id or "", "")
        members.append({**about, "name": name, "is_link": row.user_id is None})
    return members


def people(ids: Iterable[str]) -> dict[str, str]:
    """Return the names of people by account; accounts are not told."""
    wanted_ids = {id_ for id_ in ids if id_}
    if not wanted_ids:
        return {}
    user: Any = model.User
    rows = model.Session.execute(
        sa.select(user.id, user.fullname, user.name).where(
            user.id.in_(wanted_ids), user.state == model.State.ACTIVE
        )
    )
    return {id_: fullname or name for id_, fullname, name in rows}


def progress(study: Study, context: Any) -> dict[str, Any]:
    """Return what a page needs to show the counts as they come in: number waiting,
    states of needs and datasets.
    """
    about = full(study, context)
    needs: dict[str, Any] = {}
    datasets: dict[str, Any] = {}
    for need in chain.from_iterable(group["needs"] for group in about["groups"]):
        needs[need["id"]] = need["finding"]
        findings = {stored["package_id"]: stored["finding"] for stored in need["datasets"]}
        datasets[need["id"]] = findings
    counts = {"pending": about["pending"], "share": about["share"]}
    return {**counts, "needs": needs, "datasets": datasets}


# --- the map: its site and the boxes of its datasets, on an outline of France ---

MOST_BOXES = 60
#: Characters of a geometry that is read for its box.
LONGEST = 200_000
#: Pixels of a side of a box that is drawn.
SMALLEST = 0.5


def draw(site: Site, lines: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Draw a site and the datasets of a study.

    Args:
        lines: datasets as `dataset` returns them; those that the reader may not read are left out.

    Returns:
        `frame`: outline of France on which it is drawn; `site`: `d` of the SVG path of the site,
        and `area` of the site with its buffer, "" without one; `extents` of the datasets (name,
        title, place), largest first, so that small ones lie on top; `elsewhere`: number of datasets
        without a box, or with one in another part of France. None if the site is on no outline.
    """
    frame = outlines.frame_of(site.box)
    if frame is None:
        return None
    readable = {row["package_id"]: row for row in lines if row["readable"]}
    extents = []
    for id_, box in _boxes(list(readable)[:MOST_BOXES]).items():
        if outlines.frame_of(box) == frame:
            row, place = readable[id_], outlines.rectangle(frame, box, SMALLEST)
            extents.append({"name": row["name"], "title": row["title"], "place": place})
    extents.sort(key=lambda extent: -extent["place"].width * extent["place"].height)
    area = ""
    if site.buffer:
        area = outlines.path_of(site.area, frame)
    return {
        "frame": frame,
        "site": outlines.path_of(site.geometry, frame),
        "area": area,
        "extents": extents,
        "elsewhere": len(readable) - len(extents),
    }


def _boxes(ids: list[str]) -> dict[str, Box]:
    """Return the boxes of datasets by id, with one query."""
    package: Any = model.Package
    spatial = package.extras["spatial"].astext
    is_short = sa.func.length(spatial) < LONGEST
    query = sa.select(package.id, spatial).where(package.id.in_(ids), is_short)
    rows = model.Session.execute(query).all()
    shapes = shapely.from_geojson([text for _id, text in rows], on_invalid="ignore")
    drawn = zip(rows, shapes, strict=True)
    return {
        row[0]: shape.bounds for row, shape in drawn if shape is not None and not shape.is_empty
    }


# --- in templates ---


def ecosphere_study_states() -> list[dict[str, str]]:
    """Return the states of a need: id, label and symbol, in the order of the list."""
    icons = wording.ICONS.items()
    return [{"id": id_, "label": wording.state(id_), "icon": icon} for id_, icon in icons]


def ecosphere_study_reasons(reasons: Iterable[Any]) -> list[str]:
    """Return why a dataset was proposed, in words; reasons of an older version are left out."""
    return [wording.reason(code, params) for code, params in reasons if code in wording.REASONS]


ecosphere_study_text = frames.text_in
ecosphere_study_moment = dates.moment
ecosphere_study_day = dates.day
HELPERS = {name: value for name, value in globals().items() if name.startswith("ecosphere_study_")}
