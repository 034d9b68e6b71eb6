"""Studies: made from a frame and a site, run, changed, copied, shared, deleted. Nothing here asks a
network.

Limits bound what one person can store, and what one page has to show.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from itertools import chain, count
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.studies import candidates, config, presence, states
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.model import Member, Study, StudyDataset, StudyNeed, StudyRun
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.work.model import FAILED, PENDING, RUNNING, Work
from ckanext.ecosphere.work.outbox import Backlog

PROPOSED, KEPT, ASIDE, ADDED = "proposed", "kept", "aside", "added"
DECISIONS = (PROPOSED, KEPT, ASIDE, ADDED)
CHOSEN = (KEPT, ADDED)
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

#: Which server can be asked to count the objects of datasets, by the id of their row.
Servers = dict[str, str]
_FINDING = {field.name for field in fields(Finding)}


@dataclass(frozen=True, kw_only=True)
class Counts(Backlog):
    """The datasets whose objects are to be counted."""

    def resume(self) -> int:
        """Take up what killed processes left, also if they were killed each time:
        `counting` then says so.
        """
        number = super().resume()
        given_up = sa.update(Work).where(self.rows, Work.status == FAILED)
        result = model.Session.execute(given_up.values(status=PENDING, due=now()))
        model.Session.commit()
        return number + result.rowcount  # pyright: ignore[reportAttributeAccessIssue]


COUNT = Counts(
    name="ecosphere-studies-count",
    function="ckanext.ecosphere.studies.counting.count_objects",
    title="Studies: objects on sites",
    queue=config.QUEUE,
    seconds=3600,
    most_tries=3,
)


def finding_of(data: dict[str, Any]) -> Finding | None:
    """Return a stored finding, None if there is none."""
    if not data.get("state"):
        return None
    return Finding(**{name: value for name, value in data.items() if name in _FINDING})


def site_of(study: Study) -> Site:
    """Return the site of a study."""
    return Site.of_dict(study.site)


# --- rows ---


def role(study: Study, user_id: str | None) -> str:
    """Return the role of a person in a study: owner, write, read, or "" for everybody else."""
    if not user_id:
        return ""
    if study.owner_id == user_id:
        return OWNER
    member = member_of(study.id, user_id)
    if member is None:
        return ""
    if member.may_write:
        return WRITE
    return READ


def get(study_id: Any) -> Study:
    """Return a study.

    Raises:
        NotFound: there is none; the sentence is the same as for one that is not shared with the
            reader.
    """
    study = model.Session.get(Study, str(study_id or ""))
    if study is None:
        raise tk.ObjectNotFound(unknown())
    return study


def locked(study_id: Any) -> Study:
    """Return a study whose needs are to be changed: nobody else changes them before the end of the
    transaction.

    Raises:
        NotFound: there is none.
    """
    study = get(study_id)
    model.Session.refresh(study, with_for_update=True)
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
    """Return the datasets of needs by the id of the need's row: added and kept ones first,
    those set aside last.
    """
    by_need: dict[str, list[StudyDataset]] = {row.id: [] for row in rows}
    query = sa.select(StudyDataset).where(StudyDataset.study_need_id.in_(list(by_need)))
    order = sa.case({ADDED: 0, KEPT: 0, ASIDE: 2}, value=StudyDataset.decision, else_=1)
    query = query.order_by(order, StudyDataset.rank, StudyDataset.title)
    for row in model.Session.scalars(query):
        by_need[row.study_need_id].append(row)
    return by_need


def chosen(study: Study) -> list[str]:
    """Return the ids of the datasets that a study keeps, each once, in the order of its needs."""
    rows = chain.from_iterable(datasets(needs(study)).values())
    return list(dict.fromkeys(row.package_id for row in rows if row.decision in CHOSEN))


def of_person(user_id: str, state: str) -> sa.Select[Any]:
    """Return the query of the studies that a person owns or was invited to,
    the last changed first.
    """
    shared = sa.select(Member.study_id).where(Member.user_id == user_id)
    own = sa.or_(Study.owner_id == user_id, Study.id.in_(shared))
    query = sa.select(Study).where(own, Study.state == state)
    return query.order_by(Study.modified.desc(), Study.id)


def part(query: sa.Select[Any], data: Mapping[str, Any]) -> tuple[int, Sequence[Any]]:
    """Return how many rows a query has, and `rows` of them from `start` on."""
    number = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    rows = query.offset(data["start"]).limit(data["rows"])
    return number or 0, model.Session.scalars(rows).all()


# --- made, deleted ---


def create(study: Study, site: Site, rows: Iterable[tuple[dict[str, str], dict[str, Any]]]) -> None:
    """Store a new study on a site; the caller runs it and commits.

    Args:
        study: with owner, title and frame.
        rows: group and content of its needs.

    Raises:
        ValidationError: the person has as many studies as possible.
    """
    owned = sa.select(sa.func.count()).select_from(Study).where(Study.owner_id == study.owner_id)
    if (model.Session.scalar(owned) or 0) >= MOST_STUDIES:
        message = tk._("You have as many studies as one person may have ({number}).")
        raise tk.ValidationError({"title": [message.format(number=MOST_STUDIES)]})
    study.site, study.buffer = site.as_dict(), site.buffer
    study.territories = _for_statistics(site)
    model.Session.add(study)
    model.Session.flush()
    for position, (group, content) in enumerate(rows):
        row = StudyNeed(study_id=study.id, position=position, group=dict(group), need=content)
        model.Session.add(row)
    model.Session.flush()


def _for_statistics(site: Site) -> list[str]:
    """Return the ids of the départements and régions of a site."""
    concepts = [voc.get("territories").get(id_) for id_ in site.territories]
    return [concept.id for concept in concepts if concept and concept.data["type"] in COUNTED]


def add_need(study: Study, label: str, words: list[str], themes: list[str]) -> StudyNeed:
    """Add a need that no frame has; the caller looks for its data and commits.

    Args:
        label: as the person calls it.
        words: by which its data are searched; its label if there are none.
        themes: ids of the vocabulary `themes`.

    Raises:
        ValidationError: the study has as many needs as possible.
    """
    rows = needs(study)
    if len(rows) >= MOST_NEEDS:
        message = tk._("A study has {number} needs at most.").format(number=MOST_NEEDS)
        raise tk.ValidationError({"label": [message]})
    position = max((row.position for row in rows), default=-1) + 1
    ids = {str(row.need["id"]) for row in rows}
    number = next(number for number in count(1) if f"own-{number}" not in ids)
    own = Need(
        id=f"own-{number}",
        label={"fr": label, "en": label},
        words=tuple(words) or (label,),
        themes=tuple(themes),
    )
    group = {"fr": "Besoins ajoutés", "en": "Added needs"}
    row = StudyNeed(study_id=study.id, position=position, group=group, need=asdict(own))
    model.Session.add(row)
    model.Session.flush()
    return row


# --- run ---


def run(study: Study, context: Any) -> None:
    """Look for the datasets of all relevant needs, and queue the counts; commit.

    What people decided stays: kept, added and set-aside datasets, needs that are not relevant.
    Proposals are replaced.

    Args:
        context: of the person who runs it, whose rights decide which datasets are proposed.
    """
    rows = needs(study)
    if study.run:
        freeze(study, rows)
    servers = look(study, [row for row in rows if row.relevant], context)
    study.run += 1
    study.run_at = study.looked = study.modified = now()
    last = StudyRun(study_id=study.id, number=study.run, at=study.run_at, results=_results(rows))
    model.Session.add(last)
    old = StudyRun.number <= study.run - MOST_RUNS
    model.Session.execute(sa.delete(StudyRun).where(StudyRun.study_id == study.id, old))
    save(study, servers)


def look(study: Study, rows: Sequence[StudyNeed], context: Any) -> Servers:
    """Look for the datasets of some needs and store them; the caller calls `save`."""
    searched = [Need.of_dict(row.need) for row in rows]
    offers = candidates.look(searched, site_of(study), context)
    existing = datasets(rows)
    servers: Servers = {}
    for row in rows:
        servers |= _propose(row, existing[row.id], offers.get(str(row.need["id"]), []))
    return servers


def save(study: Study, servers: Servers) -> None:
    """Commit what was changed, and queue the counts of datasets."""
    want(study, servers)
    model.Session.commit()
    COUNT.enqueue()


def _propose(row: StudyNeed, existing: list[StudyDataset], offered: list[Candidate]) -> Servers:
    """Replace the proposals of a need."""
    earlier = {stored.package_id: stored for stored in existing}
    countable = {}
    for rank, candidate in enumerate(offered, 1):
        stored = earlier.pop(candidate.package_id, None)
        if stored is None:
            stored = StudyDataset(study_need_id=row.id, package_id=candidate.package_id)
            model.Session.add(stored)
        stored.title, stored.organisation = candidate.title, candidate.organisation
        stored.reasons = [[code, params] for code, params in candidate.reasons]
        stored.rank = rank
        stored.finding = asdict(candidate.finding)
        if candidate.server and stored.decision != ASIDE:
            countable[stored] = candidate.server
    for stored in earlier.values():
        if stored.decision == PROPOSED:
            model.Session.delete(stored)
    model.Session.flush()
    return {stored.id: server for stored, server in countable.items()}


def concluded(
    row: StudyNeed,
    rows: Sequence[StudyDataset],
    requested: bool | None = None,
    at: str | None = None,
) -> Finding:
    """Return the state of a need: from its kept and added datasets, else from the proposed ones.

    Args:
        requested: whether a request for it is open; None for: as soon as one was made.
        at: ISO moment at which datasets were looked for, if not now.
    """
    chosen = [dataset for dataset in rows if dataset.decision in CHOSEN]
    if not chosen:
        chosen = [dataset for dataset in rows if dataset.decision == PROPOSED]
    findings = list(filter(None, (finding_of(dataset.finding) for dataset in chosen)))
    if requested is None:
        requested = row.request_id is not None
    return presence.conclude(findings, requested, row.relevant, at)


def freeze(study: Study, rows: Sequence[StudyNeed]) -> None:
    """Store the results of the last run as they are now, with its counts, before the next one."""
    last = run_of(study, study.run)
    if last is not None:
        last.results = _results(rows)


def _results(rows: Sequence[StudyNeed]) -> dict[str, Any]:
    """Conclude the states of needs, and return them with their datasets by the id of the need."""
    by_need = datasets(rows)
    results = {}
    for row in rows:
        row.finding = asdict(concluded(row, by_need[row.id]))
        used: dict[str, Any] = {}
        for stored in by_need[row.id]:
            if stored.decision != ASIDE:
                count_ = stored.finding.get("count")
                used[stored.package_id] = {"title": stored.title, "count": count_}
        result = {"label": row.need["label"], "state": row.finding["state"], "datasets": used}
        results[str(row.need["id"])] = result
    return results


def runs(study: Study) -> Sequence[StudyRun]:
    """Return the kept runs of a study, the last one first."""
    query = sa.select(StudyRun).where(StudyRun.study_id == study.id)
    return model.Session.scalars(query.order_by(StudyRun.number.desc())).all()


def run_of(study: Study, number: int) -> StudyRun | None:
    """Return a run of a study by its number, None if it is not kept."""
    return next((run_ for run_ in runs(study) if run_.number == number), None)


def results_of(study: Study, number: int) -> dict[str, Any]:
    """Return the results of a run: of the last one as they are now, of an earlier one as they were.

    Raises:
        NotFound: this run is not kept.
    """
    if number == study.run and number:
        results = _results(needs(study))
        model.Session.rollback()
        return results
    earlier = run_of(study, number)
    if earlier is None:
        raise tk.ObjectNotFound(tk._("This run is not kept."))
    return earlier.results


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what changed between the results of two runs, one row a need that changed.

    Returns:
        rows of `need` (its id), `label` (by language), `before` and `after` (states, "" if the run
        had no such need), `came` and `went` (titles of datasets), `counts` (title, and numbers
        before and after).
    """
    nothing: dict[str, Any] = {"label": {}, "state": "", "datasets": {}}
    changes = []
    for key in after | before:
        old, new = before.get(key, nothing), after.get(key, nothing)
        earlier, later = old["datasets"], new["datasets"]
        counts = []
        for id_, dataset in later.items():
            number = earlier.get(id_, dataset)["count"]
            if number != dataset["count"]:
                about = {"title": dataset["title"], "before": number, "after": dataset["count"]}
                counts.append(about)
        came = [later[id_]["title"] for id_ in later if id_ not in earlier]
        went = [earlier[id_]["title"] for id_ in earlier if id_ not in later]
        if old["state"] != new["state"] or came or went or counts:
            change = {"need": key, "label": new["label"] or old["label"]}
            change |= {"before": old["state"], "after": new["state"]}
            change |= {"came": came, "went": went, "counts": counts}
            changes.append(change)
    return changes


# --- what is to be counted: each dataset is a row of the table of work, see `counting` ---


def want(study: Study, servers: Mapping[str, str]) -> None:
    """Ask for the counts of datasets of a study; the caller commits, then calls `COUNT.enqueue`.

    The best ones of each need come first. Those beyond `ecosphere.studies.most_counted` are not
    asked, which is said.

    Args:
        servers: the server that is asked, by the id of the row of the dataset.
    """
    _drop_stale(study.id)
    query = sa.select(StudyDataset).join(StudyNeed, StudyNeed.id == StudyDataset.study_need_id)
    query = query.where(StudyDataset.id.in_(list(servers)))
    query = query.order_by(StudyDataset.rank, StudyNeed.position, StudyDataset.id)
    rows = model.Session.scalars(query).all()
    others = set(open_keys(study.id)).difference(servers)
    room = max(0, config.most_counted() - len(others))
    for stored in rows[room:]:
        stored.finding = {**stored.finding, "code": "not-asked"}
    works = []
    for stored in rows[:room]:
        content = {"study": study.id, "host": servers[stored.id]}
        works.append({"key": stored.id, "content": content})
    COUNT.ask(works)
    study.pending = len(open_keys(study.id))


def of_study(study_id: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition for the rows of a study."""
    return sa.and_(COUNT.rows, Work.content["study"].astext == study_id)


def open_keys(study_id: str) -> Sequence[str]:
    """Return the ids of the datasets of a study that wait, or are being counted."""
    query = sa.select(Work.key).where(of_study(study_id), Work.status.in_((PENDING, RUNNING)))
    return [str(key) for key in model.Session.scalars(query)]


def _drop_stale(study_id: str) -> None:
    """Delete the rows of datasets that an earlier run had proposed."""
    stored = sa.select(StudyDataset.id)
    model.Session.execute(
        sa.delete(Work).where(of_study(study_id), Work.key.not_in(stored)),
        execution_options={"synchronize_session": False},
    )


# --- decisions ---


def dataset_of(row: StudyNeed, package_id: str) -> StudyDataset | None:
    """Return a dataset of a need, None if the need does not have it."""
    query = sa.select(StudyDataset).where(
        StudyDataset.study_need_id == row.id, StudyDataset.package_id == package_id
    )
    return model.Session.scalars(query).one_or_none()


def decide(study: Study, row: StudyNeed, package_id: str, decision: str, why: str = "") -> None:
    """Keep, set aside or propose again a dataset of a need; the caller commits.

    Raises:
        NotFound: the need has no such dataset.
    """
    stored = dataset_of(row, package_id)
    if stored is None:
        raise tk.ObjectNotFound(tk._("This need has no such dataset."))
    stored.decision, stored.why = decision, why
    settle(study, row)


def add(study: Study, row: StudyNeed, package: dict[str, Any], context: Any) -> Servers:
    """Add a dataset to a need; the caller calls `save`.

    Args:
        package: as `package_show` gives it to the person.

    Raises:
        ValidationError: the need has as many datasets as possible.
    """
    stored = dataset_of(row, package["id"])
    if stored is None:
        if len(datasets([row])[row.id]) >= MOST_DATASETS:
            message = tk._("A need has {number} datasets at most.").format(number=MOST_DATASETS)
            raise tk.ValidationError({"dataset": [message]})
        stored = StudyDataset(study_need_id=row.id, package_id=package["id"])
        model.Session.add(stored)
    organization = package.get("organization") or {}
    stored.decision, stored.why = ADDED, ""
    stored.title = str(package.get("title") or package["name"])
    stored.organisation = str(organization.get("title") or "")
    model.Session.flush()
    servers = _assess(study, row, stored, context)
    settle(study, row)
    return servers


def _assess(study: Study, row: StudyNeed, stored: StudyDataset, context: Any) -> Servers:
    """Look an added dataset up by its title.

    What is not known of it stays empty: it is then no evidence for the state of the need.
    """
    by_title = replace(Need.of_dict(row.need), words=(stored.title,), themes=())
    offers = candidates.look([by_title], site_of(study), context).get(by_title.id, [])
    for candidate in offers:
        if candidate.package_id == stored.package_id:
            stored.finding = asdict(candidate.finding)
            if candidate.server:
                return {stored.id: candidate.server}
    return {}


def settle(study: Study, row: StudyNeed) -> None:
    """Store the state of a need that was changed; the caller commits."""
    model.Session.flush()
    row.finding = asdict(concluded(row, datasets([row])[row.id]))
    study.modified = now()


# --- members ---


def members(study: Study) -> Sequence[Member]:
    """Return the people and open links of a study, the oldest first."""
    query = sa.select(Member).where(Member.study_id == study.id)
    return model.Session.scalars(query.order_by(Member.created, Member.id)).all()


def member_of(study_id: str, user_id: str) -> Member | None:
    """Return the row of a person in a study, None if they were not invited."""
    query = sa.select(Member).where(Member.study_id == study_id, Member.user_id == user_id)
    return model.Session.scalars(query.order_by(Member.may_write.desc()).limit(1)).first()


def invite(study: Study, user_id: str, may_write: bool) -> None:
    """Invite an account, or change its right; the caller commits.

    Raises:
        ValidationError: the study has as many members as possible.
    """
    row = member_of(study.id, user_id)
    if row is None:
        row = _new_member(study, "username")
        row.user_id = user_id
    row.may_write = may_write
    study.modified = now()


def make_link(study: Study, may_write: bool) -> str:
    """Make a link that lets one person in, once, within 30 days; return its secret, which is not
    stored.

    Raises:
        ValidationError: the study has as many members as possible.
    """
    row = _new_member(study, "may_write")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row.token, row.may_write = digest(secret), may_write
    study.modified = now()
    return secret


def _new_member(study: Study, parameter: str) -> Member:
    if len(members(study)) >= MOST_MEMBERS:
        message = tk._("A study has {number} members and open links at most.")
        raise tk.ValidationError({parameter: [message.format(number=MOST_MEMBERS)]})
    row = Member(study_id=study.id)
    model.Session.add(row)
    return row


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
    """Let a person in by a link, which is then used up unless they own the study.

    The caller commits.
    """
    study = get(row.study_id)
    if study.owner_id == user_id:
        return study
    member = member_of(study.id, user_id)
    if member is None:
        row.user_id, row.token = user_id, ""
    else:
        # One row a person: the link only adds the right to write.
        member.may_write = member.may_write or row.may_write
        model.Session.delete(row)
    return study


def forget_person(user_id: str) -> None:
    """Delete the studies of a person, and their name in those of others; the caller commits."""
    model.Session.execute(sa.delete(Study).where(Study.owner_id == user_id))
    model.Session.execute(sa.delete(Member).where(Member.user_id == user_id))
    model.Session.execute(sa.update(StudyNeed).where(StudyNeed.who == user_id).values(who=""))
