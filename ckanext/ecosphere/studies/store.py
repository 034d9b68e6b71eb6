"""Studies: made from a frame and a site, run, changed, copied, shared, deleted. Nothing here asks a network.

Limits bound what one person can store, and what one page has to show.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.studies import candidates, jobs, presence, states
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Frame, Need
from ckanext.ecosphere.studies.model import (
    Member,
    Study,
    StudyDataset,
    StudyNeed,
    StudyRun,
)
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding

PROPOSED, KEPT, ASIDE, ADDED = "proposed", "kept", "aside", "added"
DECISIONS = (PROPOSED, KEPT, ASIDE, ADDED)
ACTIVE, ARCHIVED = "active", "archived"
OWNER, WRITE, READ = "owner", "write", "read"

MOST_STUDIES = 500
MOST_NEEDS = 200
MOST_DATASETS = 20
MOST_MEMBERS = 50
MOST_RUNS = 20
LINK_LASTS = timedelta(days=30)
SECRET_BYTES = 32
#: States in which the person has an answer: the data, or the proof that there is nothing.
ANSWERED = (states.COVERS, states.COVERS_PART, states.NOTHING_HERE)
#: States in which nobody offers the data; what appears later is told.
MISSING = (states.NOBODY, states.NOT_MAPPED)

#: Types of the territories by which missing data are counted.
COUNTED = ("departement", "region", "outre-mer")

_FINDING = {each.name for each in fields(Finding)}


class Full(ValueError):
    """A person or a study has as much as it may have; the message is in the language of the page."""


# --- what is stored as JSON ---


def finding_of(data: dict[str, Any]) -> Finding | None:
    """Return a stored finding, None if there is none."""
    if not data.get("state"):
        return None
    return Finding(**{name: value for name, value in data.items() if name in _FINDING})


def site_of(study: Study) -> Site:
    """Return the site of a study."""
    return Site.of_dict(study.site)


# --- who may do what ---


def role(study: Study, user_id: str | None) -> str:
    """Return the role of a person in a study: owner, write, read, or "" for everybody else."""
    if not user_id:
        return ""
    if study.owner_id == user_id:
        return OWNER
    query = sa.select(Member.may_write).where(
        Member.study_id == study.id, Member.user_id == user_id
    )
    rights = list(model.Session.scalars(query))
    if any(rights):
        return WRITE
    if rights:
        return READ
    return ""


def get(study_id: Any) -> Study:
    """Return a study.

    Raises:
        NotFound: there is none; the sentence is the same as for one that is not shared with the reader.
    """
    study = model.Session.get(Study, str(study_id or ""))
    if study is None:
        raise tk.ObjectNotFound(unknown())
    return study


def unknown() -> str:
    """Return the sentence about a study that does not exist, or is not shared with the reader."""
    return tk._("There is no such study, or it is not shared with you.")


def need(study: Study, need_id: Any) -> StudyNeed:
    """Return a need of a study by the id of its row.

    Raises:
        NotFound: the study has no such need.
    """
    row = model.Session.get(StudyNeed, str(need_id or ""))
    if row is None or row.study_id != study.id:
        raise tk.ObjectNotFound(tk._("This study has no such need."))
    return row


def needs(study: Study) -> Sequence[StudyNeed]:
    """Return the needs of a study, in order."""
    query = sa.select(StudyNeed).where(StudyNeed.study_id == study.id)
    return model.Session.scalars(query.order_by(StudyNeed.position, StudyNeed.id)).all()


def datasets(rows: Iterable[StudyNeed]) -> dict[str, list[StudyDataset]]:
    """Return the datasets of needs by the id of the need's row: added and kept ones first, those set aside last."""
    ids = [row.id for row in rows]
    by_need: dict[str, list[StudyDataset]] = {id_: [] for id_ in ids}
    query = sa.select(StudyDataset).where(StudyDataset.study_need_id.in_(ids))
    for row in model.Session.scalars(query):
        by_need[row.study_need_id].append(row)
    order = {ADDED: 0, KEPT: 0, PROPOSED: 1, ASIDE: 2}
    for datasets_of_need in by_need.values():
        datasets_of_need.sort(key=lambda row: (order.get(row.decision, 1), row.rank, row.title))
    return by_need


def of_person(user_id: str, state: str, start: int, rows: int) -> tuple[int, Sequence[Study]]:
    """Return how many studies a person owns or was invited to, and some of them, the last changed first."""
    shared = sa.select(Member.study_id).where(Member.user_id == user_id)
    own = sa.or_(Study.owner_id == user_id, Study.id.in_(shared))
    query = sa.select(Study).where(own, Study.state == state)
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    page = query.order_by(Study.modified.desc(), Study.id).offset(start).limit(rows)
    return count or 0, model.Session.scalars(page).all()


# --- made, copied, deleted ---


def create(owner_id: str, title: str, frame: Frame | None, site: Site) -> Study:
    """Create a study with the needs of a frame; the caller runs it and commits.

    Raises:
        Full: the person has as many studies as possible, or the frame has too many needs.
    """
    study = _new(owner_id, title, site)
    if frame is None:
        return study
    study.frame_id, study.frame_version = frame.id, frame.version
    position = 0
    for group in frame.groups:
        for need_ in group.needs:
            _add_need(study, need_.as_dict(), dict(group.label), position)
            position += 1
    return study


def copy(study: Study, owner_id: str, title: str, site: Site) -> Study:
    """Create a study with the needs of another one, on another site; the caller runs it and commits.

    What was said of the data of the first site is not copied: what is not relevant there may be relevant here.

    Raises:
        Full: the person has as many studies as possible.
    """
    other = _new(owner_id, title, site)
    other.frame_id, other.frame_version = study.frame_id, study.frame_version
    for row in needs(study):
        _add_need(other, dict(row.need), dict(row.group), row.position)
    return other


def _new(owner_id: str, title: str, site: Site) -> Study:
    owned = sa.select(sa.func.count()).select_from(Study).where(Study.owner_id == owner_id)
    if (model.Session.scalar(owned) or 0) >= MOST_STUDIES:
        message = tk._("You have as many studies as one person may have ({number}).")
        raise Full(message.format(number=MOST_STUDIES))
    study = Study(owner_id=owner_id, title=title, site=site.as_dict(), buffer=site.buffer)
    study.territories = _for_statistics(site)
    model.Session.add(study)
    model.Session.flush()
    return study


def _for_statistics(site: Site) -> list[str]:
    """Return the ids of the départements and régions of a site."""
    territories = voc.get("territories")
    concepts = [territories.get(id_) for id_ in site.territories]
    return [each.id for each in concepts if each and each.data.get("type") in COUNTED]


def _add_need(
    study: Study, data: dict[str, Any], group: dict[str, str], position: int
) -> StudyNeed:
    if position >= MOST_NEEDS:
        raise Full(tk._("A study has {number} needs at most.").format(number=MOST_NEEDS))
    row = StudyNeed(study_id=study.id, position=position, group=group, need=data)
    model.Session.add(row)
    model.Session.flush()
    return row


def add_need(study: Study, label: str, words: list[str], themes: list[str]) -> StudyNeed:
    """Add a need that no frame has; the caller runs it and commits.

    Args:
        label: as the person calls it.
        words: by which its data are searched; its label if there are none.
        themes: ids of the vocabulary `themes`.

    Raises:
        Full: the study has as many needs as possible.
    """
    rows = needs(study)
    position = max((row.position for row in rows), default=-1) + 1
    ids = {str(row.need.get("id")) for row in rows}
    number = 1
    while f"own-{number}" in ids:
        number += 1
    own = Need(
        id=f"own-{number}",
        label={"fr": label, "en": label},
        words=tuple(words) or (label,),
        themes=tuple(themes),
    )
    group = {"fr": "Besoins ajoutés", "en": "Added needs"}
    return _add_need(study, own.as_dict(), group, position)


def delete(study: Study) -> None:
    """Delete a study with all that belongs to it; the caller commits."""
    model.Session.execute(sa.delete(Study).where(Study.id == study.id))
    model.Session.expunge(study)


def touch(study: Study) -> None:
    """Note that a study was changed."""
    study.modified = now()


# --- run ---


def run(study: Study, context: Any) -> None:
    """Look for the datasets of all relevant needs, and queue the counts; commit.

    What people decided stays: kept, added and set-aside datasets, needs that are not relevant. Proposals are replaced.

    Args:
        context: of the person who runs it, whose rights decide which datasets are proposed.
    """
    rows = needs(study)
    if study.run:
        freeze(study, rows)
    relevant_rows = [row for row in rows if row.relevant]
    countable = look(study, relevant_rows, context)
    study.run += 1
    study.run_at = study.looked = study.modified = now()
    _conclude_all(rows)
    row = StudyRun(study_id=study.id, number=study.run, at=study.run_at)
    row.results = _results(rows)
    model.Session.add(row)
    _forget_old_runs(study)
    study.pending = len(countable)
    jobs.want(countable)
    model.Session.commit()
    jobs.COUNT.enqueue()


def look(study: Study, rows: Sequence[StudyNeed], context: Any) -> list[str]:
    """Look for the datasets of some needs and store them; the caller commits.

    Returns:
        the ids of rows whose objects a service can be asked to count.
    """
    searched = [Need.of_dict(row.need) for row in rows]
    offers = candidates.look(searched, site_of(study), context)
    existing = datasets(rows)
    countable: list[str] = []
    for row in rows:
        offered = offers.get(str(row.need.get("id")), [])
        countable += _update(row, existing[row.id], offered)
    model.Session.flush()
    return countable


def _update(row: StudyNeed, existing: list[StudyDataset], offered: list[Candidate]) -> list[str]:
    """Replace the proposals of a need; return the ids of the rows that can be counted."""
    by_package = {stored.package_id: stored for stored in existing}
    offered_ids = {candidate.package_id for candidate in offered}
    countable = []
    for stored in existing:
        if stored.decision == PROPOSED and stored.package_id not in offered_ids:
            model.Session.delete(stored)
    for rank, candidate in enumerate(offered, 1):
        stored = by_package.get(candidate.package_id)
        if stored is None:
            stored = StudyDataset(study_need_id=row.id, package_id=candidate.package_id)
            model.Session.add(stored)
        stored.title, stored.organisation = candidate.title, candidate.organisation
        stored.reasons = [[code, params] for code, params in candidate.reasons]
        stored.rank = rank
        stored.finding = asdict(candidate.finding)
        model.Session.flush()
        if candidate.countable and stored.decision != ASIDE:
            countable.append(stored.id)
    return countable


def _conclude_all(rows: Sequence[StudyNeed]) -> None:
    by_need = datasets(rows)
    for row in rows:
        row.finding = asdict(concluded(row, by_need[row.id]))


def concluded(
    row: StudyNeed, rows: Sequence[StudyDataset], requested: bool | None = None
) -> Finding:
    """Return the state of a need: from its kept and added datasets, else from the proposed ones.

    Args:
        requested: whether a request for it is open; None for: as soon as one was made.
    """
    chosen = [dataset for dataset in rows if dataset.decision in (KEPT, ADDED)]
    if not chosen:
        chosen = [dataset for dataset in rows if dataset.decision == PROPOSED]
    findings = [finding_of(dataset.finding) for dataset in chosen]
    if requested is None:
        requested = row.request_id is not None
    findings_known = [finding for finding in findings if finding is not None]
    return presence.conclude(findings_known, requested, row.relevant)


def freeze(study: Study, rows: Sequence[StudyNeed]) -> None:
    """Store the results of the last run as they are now, with its counts, before the next one."""
    _conclude_all(rows)
    last = run_of(study, study.run)
    if last is not None:
        last.results = _results(rows)


def _results(rows: Sequence[StudyNeed]) -> dict[str, Any]:
    by_need = datasets(rows)
    results = {}
    for row in rows:
        used = [each for each in by_need[row.id] if each.decision != ASIDE]
        results[str(row.need.get("id"))] = {
            "label": row.need.get("label") or {},
            "state": (row.finding or {}).get("state", ""),
            "datasets": {each.package_id: _result(each) for each in used},
        }
    return results


def _result(row: StudyDataset) -> dict[str, Any]:
    finding = row.finding or {}
    return {
        "title": row.title,
        "decision": row.decision,
        "state": finding.get("state", ""),
        "count": finding.get("count"),
    }


def _forget_old_runs(study: Study) -> None:
    old = StudyRun.number <= study.run - MOST_RUNS
    model.Session.execute(sa.delete(StudyRun).where(StudyRun.study_id == study.id, old))


def runs(study: Study) -> Sequence[StudyRun]:
    """Return the kept runs of a study, the last one first."""
    query = sa.select(StudyRun).where(StudyRun.study_id == study.id)
    return model.Session.scalars(query.order_by(StudyRun.number.desc())).all()


def run_of(study: Study, number: int) -> StudyRun | None:
    """Return a run of a study by its number, None if it is not kept."""
    query = sa.select(StudyRun).where(StudyRun.study_id == study.id, StudyRun.number == number)
    return model.Session.scalars(query).one_or_none()


def results_of(study: Study, number: int) -> dict[str, Any]:
    """Return the results of a run: of the last one as they are now, of an earlier one as they were.

    Raises:
        NotFound: this run is not kept.
    """
    if number == study.run and number:
        rows = needs(study)
        _conclude_all(rows)
        results = _results(rows)
        model.Session.rollback()
        return results
    earlier = run_of(study, number)
    if earlier is None:
        raise tk.ObjectNotFound(tk._("This run is not kept."))
    return earlier.results


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what changed between the results of two runs, one row a need that changed.

    Returns:
        rows of `need` (its id), `label` (by language), `before` and `after` (states, "" if the run had no such need),
        `came` and `went` (titles of datasets), `counts` (title, and numbers before and after).
    """
    changes = []
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key) or {}, after.get(key) or {}
        change = _change(key, old, new)
        is_same = change["before"] == change["after"]
        if is_same and not (change["came"] or change["went"] or change["counts"]):
            continue
        changes.append(change)
    return changes


def _change(key: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    earlier, later = old.get("datasets") or {}, new.get("datasets") or {}
    counts = []
    for package_id, result in later.items():
        number = earlier.get(package_id, {}).get("count")
        if package_id in earlier and result["count"] != number:
            counts.append({"title": result["title"], "before": number, "after": result["count"]})
    return {
        "need": key,
        "label": new.get("label") or old.get("label") or {},
        "before": old.get("state", ""),
        "after": new.get("state", ""),
        "came": [later[id_]["title"] for id_ in later if id_ not in earlier],
        "went": [earlier[id_]["title"] for id_ in earlier if id_ not in later],
        "counts": counts,
    }


def waiting(study: Study) -> int:
    """Return how many datasets are still to be counted."""
    return max(study.pending, 0)


# --- decisions ---


def decide(study: Study, row: StudyNeed, package_id: str, decision: str, why: str = "") -> None:
    """Keep, set aside or propose again a dataset of a need; the caller commits.

    Raises:
        NotFound: the need has no such dataset.
    """
    stored = _dataset(row, package_id)
    if stored is None:
        raise tk.ObjectNotFound(tk._("This need has no such dataset."))
    stored.decision, stored.why = decision, why
    settle(study, row)


def add(study: Study, row: StudyNeed, package: dict[str, Any], context: Any) -> list[str]:
    """Add a dataset to a need; the caller calls `jobs.want`, commits, and calls `jobs.COUNT.enqueue`.

    Args:
        package: as `package_show` gives it to the person.

    Returns:
        the id of its row if its objects can be counted.

    Raises:
        Full: the need has as many datasets as possible.
    """
    stored = _dataset(row, package["id"])
    if stored is None:
        if len(datasets([row])[row.id]) >= MOST_DATASETS:
            message = tk._("A need has {number} datasets at most.").format(number=MOST_DATASETS)
            raise Full(message)
        stored = StudyDataset(study_need_id=row.id, package_id=package["id"])
        model.Session.add(stored)
    organization = package.get("organization") or {}
    stored.decision, stored.why = ADDED, ""
    stored.title = str(package.get("title") or package["name"])
    stored.organisation = str(organization.get("title") or "")
    model.Session.flush()
    countable = _assess(study, row, stored, package, context)
    settle(study, row)
    study.pending += len(countable)
    return countable


def _assess(
    study: Study, row: StudyNeed, stored: StudyDataset, package: dict[str, Any], context: Any
) -> list[str]:
    """Look an added dataset up by its title; return the id of its row if its objects can be counted.

    What is not known of it stays empty: it is then no evidence for the state of the need.
    """
    by_title = replace(Need.of_dict(row.need), words=(stored.title,), themes=())
    offers = candidates.look([by_title], site_of(study), context).get(by_title.id, [])
    for candidate in offers:
        if candidate.package_id == package["id"]:
            stored.finding = asdict(candidate.finding)
            if candidate.countable:
                return [stored.id]
    return []


def _dataset(row: StudyNeed, package_id: str) -> StudyDataset | None:
    query = sa.select(StudyDataset).where(
        StudyDataset.study_need_id == row.id, StudyDataset.package_id == package_id
    )
    return model.Session.scalars(query).one_or_none()


def settle(study: Study, row: StudyNeed) -> None:
    """Store the state of a need that was changed; the caller commits."""
    model.Session.flush()
    row.finding = asdict(concluded(row, datasets([row])[row.id]))
    touch(study)


def say_relevant(study: Study, row: StudyNeed, relevant: bool, user_id: str, why: str) -> None:
    """Note whether a need is relevant, who said so and why; the caller commits."""
    row.relevant = relevant
    row.who, row.why = user_id, why
    if relevant:
        row.who = row.why = ""
    settle(study, row)


# --- members ---


def members(study: Study) -> Sequence[Member]:
    """Return the people and open links of a study, the oldest first."""
    query = sa.select(Member).where(Member.study_id == study.id)
    return model.Session.scalars(query.order_by(Member.created, Member.id)).all()


def member_of(study_id: str, user_id: str) -> Member | None:
    """Return the row of a person in a study, None if they were not invited."""
    query = sa.select(Member).where(Member.study_id == study_id, Member.user_id == user_id)
    return model.Session.scalars(query.limit(1)).first()


def invite(study: Study, user_id: str, may_write: bool) -> Member:
    """Invite an account, or change its right; the caller commits.

    Raises:
        Full: the study has as many members as possible.
    """
    rows = members(study)
    row = next((each for each in rows if each.user_id == user_id), None)
    if row is None:
        _require_room(rows)
        row = Member(study_id=study.id, user_id=user_id)
        model.Session.add(row)
    row.may_write = may_write
    touch(study)
    return row


def _require_room(rows: Sequence[Member]) -> None:
    if len(rows) >= MOST_MEMBERS:
        message = tk._("A study has {number} members and open links at most.")
        raise Full(message.format(number=MOST_MEMBERS))


def make_link(study: Study, may_write: bool) -> str:
    """Make a link that lets one person in, once, within 30 days; return its secret, which is not stored.

    Raises:
        Full: the study has as many members as possible.
    """
    _require_room(members(study))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    model.Session.add(Member(study_id=study.id, token=digest(secret), may_write=may_write))
    touch(study)
    return secret


def digest(secret: str) -> str:
    """Return the digest (SHA-256) under which the secret of a link is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def link(secret: str) -> Member | None:
    """Return the row of an open link; None if it was used, revoked or is too old."""
    query = sa.select(Member).where(
        Member.token == digest(secret),
        Member.user_id.is_(None),
        Member.created > now() - LINK_LASTS,
    )
    return model.Session.scalars(query.with_for_update()).one_or_none()


def open_link(row: Member, user_id: str) -> Study:
    """Let a person in by a link, which is then used up; the caller commits."""
    study = get(row.study_id)
    current = role(study, user_id)
    if current == OWNER:
        return study
    if current:
        # One row a person: the link only adds the right to write.
        may_write = row.may_write or current == WRITE
        model.Session.delete(row)
        model.Session.flush()
        invite(study, user_id, may_write)
        return study
    row.user_id, row.token = user_id, ""
    return study


def leave(study: Study, row_id: str) -> None:
    """Remove a member or an open link; the caller commits.

    Raises:
        NotFound: the study has none with this id.
    """
    row = model.Session.get(Member, row_id)
    if row is None or row.study_id != study.id:
        raise tk.ObjectNotFound(tk._("This study has no such member."))
    model.Session.delete(row)
    touch(study)


def forget_person(user_id: str) -> None:
    """Delete the studies of a person, and their name in those of others; the caller commits."""
    model.Session.execute(sa.delete(Study).where(Study.owner_id == user_id))
    model.Session.execute(sa.delete(Member).where(Member.user_id == user_id))
    model.Session.execute(sa.update(StudyNeed).where(StudyNeed.who == user_id).values(who=""))
