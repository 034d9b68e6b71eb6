"""Actions of studies and of their frames, and the statistics that studies give.

Collections, reuses and opinions are in `publications`. Who may call an action is in `auth`, its
parameters are in `schema`. The parameters `id` (of a study), `need` (id of a row of the study) and
those of a site are the same everywhere. A site is given by one of `communes` (list of INSEE codes
or names), `epci` (SIREN or name), `geojson` (text or object, RFC 7946, degrees; or the four sides
of a rectangle) or `file` (GeoJSON, KML, GeoPackage or zipped Shapefile), with `buffer` (metres,
default 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.shared import authorization
from ckanext.ecosphere.shared.action_input import LINE, LONGEST_LINE, action
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.studies import asking, figures, frames, news, shown, store, wording
from ckanext.ecosphere.studies import site as sites
from ckanext.ecosphere.studies.logic import auth, schema
from ckanext.ecosphere.studies.model import Member, Study, StudyNeed
from ckanext.ecosphere.studies.publications import clipping
from ckanext.ecosphere.studies.site import Site, SiteError

#: Rate limit of the runs of one person: each asks the index at least once a need.
RUN_RATE = "20 per minute; 200 per hour"


# --- studies --------------------------------------------------------------------------------------


@action(schema.study_create)
def ecosphere_study_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Create a study, and run it.

    Args:
        title (str): as its owner calls it.
        frame (str): id of the frame from which it takes its needs; none by default.
        communes, epci, geojson or file, and buffer: its site.

    Returns:
        the study, as `ecosphere_study_show` returns it.

    Raises:
        ValidationError: what is wrong, by parameter; or the person has too many studies.
        NotAuthorized: the caller is anonymous.
    """
    study = Study()
    needs = []
    if "frame" in data_dict:
        frame = data_dict["frame"]
        study.frame_id, study.frame_version = frame.id, frame.version
        for group in frame.groups:
            needs += [(group.label, asdict(need)) for need in group.needs]
    return _create(study, needs, context, data_dict)


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_study_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a study with its needs, their states and datasets.

    Args:
        id (str): of the study.

    Returns:
        `id`, `title`, `frame`, `site` (GeoJSON, degrees), `buffer` (metres), `state` (active,
        archived), `run` (number of the last run) and `run_at`, `pending` (datasets still to be
        counted), `role` (owner, write, read), `groups` of `needs` with `finding` (`state`, `label`,
        `code`, `params`, `share` 0 to 1, `count`, `sentence`…), `request` and `datasets`; `share`
        (needs with an answer, and relevant needs); for the owner also `members`.

    Raises:
        NotFound: there is no such study, or it is not shared with the caller.
    """
    return shown.full(store.get(data_dict["id"]), context)


@tk.side_effect_free
@action(schema.study_list)
def ecosphere_study_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the studies that the caller owns or was invited to, the last changed first.

    Args:
        state (str): active (default) or archived.
        start (int), rows (int): part of the list; 20 rows by default, 100 at most.

    Returns:
        `count`, and `results`: id, title, site_label, run, pending, role, owner, created, modified…
    """
    person = auth.person(context)
    count, studies = store.part(store.of_person(person.id, data_dict["state"]), data_dict)
    return {"count": count, "results": [shown.brief(study, person.id) for study in studies]}


@action(schema.study_update)
def ecosphere_study_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change the title of a study, archive it, or take it up again.

    Args:
        id (str): of the study.
        title (str): unchanged if it is not given.
        state (str): active or archived; unchanged if it is not given.

    Returns:
        the study, as in `ecosphere_study_list`.
    """
    study = store.get(data_dict["id"])
    study.title = data_dict.get("title", study.title)
    study.state = data_dict.get("state", study.state)
    return _commit(study, context)


@action(schema.by_id)
def ecosphere_study_delete(context: Context, data_dict: DataDict) -> dict[str, str]:
    """Delete a study with its needs, runs, members and e-mails. Requests made for it stay.

    Args:
        id (str): of the study.

    Raises:
        NotFound: there is no such study, or it is not shared with the caller.
        NotAuthorized: the caller is neither its owner nor a sysadmin.
    """
    study = store.get(data_dict["id"])
    news.forget_study(study.id)
    model.Session.execute(sa.delete(Study).where(Study.id == study.id))
    model.Session.commit()
    return {"id": data_dict["id"]}


@action(schema.study_copy)
def ecosphere_study_copy(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make a study of the caller with the needs of another one, on another site, and run it.

    What was decided on the first site is not copied.

    Args:
        id (str): of the study that is copied.
        title (str): of the new one.
        communes, epci, geojson or file, and buffer: its site.

    Returns:
        the new study, as `ecosphere_study_show` returns it.
    """
    study = store.get(data_dict["id"])
    other = Study(frame_id=study.frame_id, frame_version=study.frame_version)
    needs = [(row.group, row.need) for row in store.needs(study)]
    return _create(other, needs, context, data_dict)


@action(schema.by_id)
def ecosphere_study_run(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Look for the data of a study again; what was decided stays.

    Args:
        id (str): of the study.

    Returns:
        the study, as `ecosphere_study_show` returns it.

    Raises:
        ValidationError: too many runs in a short time.
    """
    _count_run(auth.person(context))
    study = store.locked(data_dict["id"])
    store.run(study, authorization.same_person(context))
    return shown.full(study, context)


@action(schema.by_id)
def ecosphere_study_extract(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Have the data of the datasets that a study keeps extracted around its site, in the
    background.

    Args:
        id (str): of the study.

    Returns:
        one row a layer, as `clipping.outcomes` returns them.

    Raises:
        ValidationError: the study keeps no dataset yet.
    """
    study = store.get(data_dict["id"])
    if not store.chosen(study):
        message = tk._("Keep a dataset in the study first: there is nothing to prepare yet.")
        raise tk.ValidationError({"id": [message]})
    clipping.request_extracts(study, context)
    model.Session.commit()
    return clipping.outcomes(study, context)


@tk.side_effect_free
@action(schema.study_difference)
def ecosphere_study_difference(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return what changed between two runs of a study.

    Args:
        id (str): of the study.
        before (int), after (int): numbers of the runs; by default the last two.

    Returns:
        `before` and `after`; `runs` that are kept (`number`, `at`), the last one first; `changes`,
        one a need: `label`, states `before` and `after`, `came` and `went` (titles), `counts`.

    Raises:
        NotFound: one of the runs is not kept.
    """
    study = store.get(data_dict["id"])
    runs = [{"number": run.number, "at": run.at.isoformat()} for run in store.runs(study)]
    after = data_dict.get("after", study.run)
    before = data_dict.get("before", after - 1)
    changes = []
    if before > 0:
        results = store.results_of(study, after)
        changes = store.difference(store.results_of(study, before), results)
    return {"before": before, "after": after, "runs": runs, "changes": changes}


# --- needs and their datasets ---------------------------------------------------------------------


@action(schema.study_need_create)
def ecosphere_study_need_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add a need that no frame has, and look for its data.

    Args:
        id (str): of the study.
        label (str): the need.
        words (list): by which its data are searched; its label by default.
        themes (list): ids of the vocabulary `themes`.

    Returns:
        the study, as `ecosphere_study_show` returns it.
    """
    _count_run(auth.person(context))
    study = store.locked(data_dict["id"])
    row = store.add_need(study, data_dict["label"], data_dict["words"], data_dict["themes"])
    servers = store.look(study, [row], authorization.same_person(context))
    store.settle(study, row)
    store.save(study, servers)
    return shown.full(study, context)


@action(schema.study_need_update)
def ecosphere_study_need_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say that a need is not relevant to a study, and why, or that it is relevant again.

    Args:
        id (str): of the study.
        need (str): of the need.
        relevant (bool): whether it is.
        why (str): the reason; needed for a need that is not relevant.

    Returns:
        the study, as in `ecosphere_study_list`.
    """
    study, row = _study_and_need(data_dict)
    row.relevant = data_dict["relevant"]
    row.who = row.why = ""
    if not row.relevant:
        _require(data_dict, "why")
        row.who, row.why = auth.person(context).id, data_dict["why"]
    store.settle(study, row)
    return _commit(study, context)


@action(schema.study_dataset_update)
def ecosphere_study_dataset_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Keep, set aside, replace or add a dataset of a need.

    Args:
        id (str): of the study.
        need (str): of the need.
        dataset (str): name or id of the dataset.
        decision (str): kept, aside, proposed (as the portal proposed it) or added.
        why (str): the reason; needed for a dataset that is set aside.
        replacement (str): name or id of a dataset that is added in its place, which sets it aside.

    Returns:
        the study, as in `ecosphere_study_list`.

    Raises:
        NotFound: the need has no such dataset; or there is none that the caller may read.
    """
    study, row = _study_and_need(data_dict)
    own_context = authorization.same_person(context)
    decision = data_dict.get("decision", "")
    added = data_dict["replacement"]
    if added:
        decision = store.ASIDE
    else:
        _require(data_dict, "decision")
        if decision == store.ASIDE:
            _require(data_dict, "why")
        if decision == store.ADDED:
            added = data_dict["dataset"]
    servers: store.Servers = {}
    if added:
        servers = store.add(study, row, _readable(own_context, added), own_context)
    if decision != store.ADDED:
        # Whoever decides need not be able to read it: it may have become private since.
        package = model.Package.get(data_dict["dataset"])
        package_id = package.id if package else ""
        store.decide(study, row, package_id, decision, data_dict["why"])
    store.save(study, servers)
    return shown.brief(study, auth.person(context).id)


# --- members --------------------------------------------------------------------------------------


@action(schema.study_member_add)
def ecosphere_study_member_add(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Share a study with an account, which is told by e-mail, or change its right.

    Args:
        id (str): of the study.
        username (str): name of the account.
        may_write (bool): whether it may change the study (default: no).

    Returns:
        the study, as in `ecosphere_study_list`.

    Raises:
        ValidationError: there is no such account, or it owns the study.
    """
    study = store.get(data_dict["id"])
    user: Any = model.User.by_name(data_dict["username"].lower())
    if user is None or user.state != model.State.ACTIVE:
        raise tk.ValidationError({"username": [tk._("There is no account of this name.")]})
    if user.id == study.owner_id:
        raise tk.ValidationError({"username": [tk._("This person owns the study.")]})
    store.invite(study, user.id, data_dict["may_write"])
    news.tell_invited(study, user.id)
    study_dict = _commit(study, context)
    news.OUTBOX.enqueue()
    return study_dict


@action(schema.study_member_remove)
def ecosphere_study_member_remove(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take a study away from a member, revoke a link, or leave a study.

    Args:
        id (str): of the study.
        member (str): id of the member or link, from `members` of the study; the caller's own to
            leave.
    """
    study = store.get(data_dict["id"])
    row = model.Session.get(Member, data_dict["member"])
    if row is None or row.study_id != study.id:
        raise tk.ObjectNotFound(tk._("This study has no such member."))
    model.Session.delete(row)
    return _commit(study, context)


@action(schema.study_link_create)
def ecosphere_study_link_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make a secret link that lets one account into a study, once, within 30 days.

    Args:
        id (str): of the study.
        may_write (bool): whether it may change the study (default: no).

    Returns:
        `token` and `url`, which cannot be shown again: only a digest is stored.
    """
    study = store.get(data_dict["id"])
    token = store.make_link(study, data_dict["may_write"])
    model.Session.commit()
    url = tk.url_for("ecosphere_studies.invited", token=token, _external=True)
    return {"token": token, "url": url}


@action(schema.study_link_open)
def ecosphere_study_link_open(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Enter a study by a secret link, which is then used up.

    Args:
        token (str): of the link.

    Returns:
        the study, as in `ecosphere_study_list`.

    Raises:
        NotFound: the link is unknown, used, revoked or too old.
    """
    row = store.link(data_dict["token"])
    if row is None:
        model.Session.rollback()
        message = tk._("This link is used, too old or not complete: ask for another.")
        raise tk.ObjectNotFound(message)
    return _commit(store.open_link(row, auth.person(context).id), context)


# --- data requests --------------------------------------------------------------------------------


@action(schema.study_request)
def ecosphere_study_request(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make the draft of a data request for a need, with the caller's own rights; the site is not
    part of it.

    Args:
        id (str), need (str): the study and its need.
        title, description, theme, territory, procedure, visibility (str): of the request; filled in
            from the need.
        dataset (str): name or id of a restricted dataset to which access is asked; then also
            `purpose` (str), `until` (day, YYYY-MM-DD), `undertakes` (bool, must be true).
        with_area (bool): whether the rectangle around the site is sent; only the owner of the study
            may.

    Returns:
        the draft, as `ecosphere_request_show` returns it.

    Raises:
        ValidationError: what is wrong, by parameter; or a request for the need is still open.
        NotFound: the portal takes no requests, or the caller may not read the dataset.
    """
    study, row = _study_and_need(data_dict)
    person = auth.person(context)
    data = {**asking.prefilled(study, row), **data_dict}
    draft = asking.draft_request(study, row, data, context)
    store.settle(study, row)
    if data_dict["dataset"] and "until" in data_dict:
        news.remind(study, row, person.id, data_dict["until"].date())
    model.Session.commit()
    return draft


# --- frames ---------------------------------------------------------------------------------------


@tk.side_effect_free
def ecosphere_study_frame_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the frames in force, without what is in them.

    Returns:
        `id`, `version` (0 for one of the suite), `title` and `description` by language, `territory`
        (id of the vocabulary, "" for the whole country), `inherits`, `checked` (ISO day), `needs`
        (their number).
    """
    tk.check_access("ecosphere_study_frame_list", context, data_dict)
    rows = []
    for frame in frames.frames():
        row = asdict(frame)
        del row["groups"], row["sources"]
        rows.append({**row, "needs": len(frame.needs)})
    return rows


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_study_frame_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a frame in force with its sources, and its needs by group, inherited ones included.

    Args:
        id (str): of the frame.
    """
    return asdict(frames.get(data_dict["id"]))


def ecosphere_study_frame_save(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Store a frame of the portal, or its next version.

    Args:
        id (str): of the frame that is changed; none for a new one.
        content (str or object): as in a file of `studies/data/frames`; a text is YAML.

    Returns:
        the frame, as `ecosphere_study_frame_show` returns it.

    Raises:
        ValidationError: what is wrong with the content, and where.
    """
    tk.check_access("ecosphere_study_frame_save", context, data_dict)
    frame_id = str(data_dict.get("id") or "")
    row = frames.save(frame_id, data_dict.get("content"), auth.person(context).id)
    frame_id = row.frame_id
    model.Session.commit()
    return tk.get_action("ecosphere_study_frame_show")(context, {"id": frame_id})


# --- statistics -----------------------------------------------------------------------------------


@tk.side_effect_free
def ecosphere_study_missing_stats(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the needs that studies lack most by département and région: what is worth producing.

    Only numbers of at least five studies; no person, no title, no site, none of the needs that
    people added.

    Returns:
        `need` (id), `label` (by language), `territory` (id of the vocabulary), `studies`.
    """
    tk.check_access("ecosphere_study_missing_stats", context, data_dict)
    return figures.missing()


@tk.side_effect_free
def ecosphere_study_dataset_stats(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return how many studies the datasets of a service serve; only numbers of at least five
    studies.

    Args:
        organization (str): name or id of the service.

    Returns:
        `studies`, and `datasets`: number by id.
    """
    tk.check_access("ecosphere_study_dataset_stats", context, data_dict)
    group = model.Group.get(str(data_dict.get("organization") or ""))
    if group is None:
        raise tk.ObjectNotFound(tk._("Organization not found"))
    return figures.served_by(group.id)


# --- helpers --------------------------------------------------------------------------------------


def site_of(data_dict: Mapping[str, Any]) -> Site:
    """Return the site that validated parameters give (see the top of this module).

    Raises:
        ValidationError: it is given in no way or in several, or cannot be used.
    """
    kinds = [kind for kind in ("communes", "epci", "geojson", "file") if kind in data_dict]
    if len(kinds) != 1:
        message = tk._("Say where in one way: communes, an intercommunality, a drawing or a file.")
        raise tk.ValidationError({"site": [message]})
    kind, buffer = kinds[0], data_dict["buffer"]
    value = data_dict[kind]
    try:
        match kind:
            case "communes":
                return sites.of_communes(value, buffer)
            case "epci":
                return sites.of_epci(value, buffer)
            case "geojson":
                return sites.of_geojson(value, data_dict["label"], buffer)
        name = LINE(Path(value.filename or "").stem[:LONGEST_LINE])
        # One byte more than is allowed, by which a file that is too large is seen.
        return sites.of_file(name, value.stream.read(sites.MOST_BYTES + 1), buffer)
    except SiteError as error:
        message = wording.site_error(error.code, error.params)
        raise tk.ValidationError({kind: [message]}) from None


def _create(study: Study, needs: Any, context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Store a new study of the caller on the site that is given, and run it.

    Args:
        study: the frame of the study; the rest is filled in.
        needs: as `store.create` takes them.
    """
    site = site_of(data_dict)
    person = auth.person(context)
    _count_run(person)
    study.owner_id, study.title = person.id, data_dict["title"]
    store.create(study, site, needs)
    store.run(study, authorization.same_person(context))
    return shown.full(study, context)


def _study_and_need(data_dict: Mapping[str, Any]) -> tuple[Study, StudyNeed]:
    """Return a study, locked for changes, and the need of it that is to be changed."""
    study = store.locked(data_dict["id"])
    return study, store.need(study, data_dict["need"])


def _require(data_dict: Mapping[str, Any], name: str) -> None:
    """Refuse parameters in which one is empty that the others demand."""
    if not data_dict.get(name):
        raise tk.ValidationError({name: [tk._("Missing value")]})


def _readable(context: Any, key: str) -> dict[str, Any]:
    """Return a dataset that the person may read, as `package_show` returns it.

    Raises:
        NotFound: there is none, or they may not read it; both with the same sentence.
    """
    missing = tk.ObjectNotFound(tk._("Dataset not found"))
    try:
        package = tk.get_action("package_show")(context, {"id": key})
    except tk.NotAuthorized:
        raise missing from None
    if package["type"] != "dataset":
        raise missing
    return package


def _commit(study: Study, context: Context) -> dict[str, Any]:
    """Commit a change of a study; return the study as in a list."""
    study.modified = now()
    model.Session.commit()
    return shown.brief(study, auth.person(context).id)


def _count_run(person: model.User) -> None:
    """Count a run of a person; raise `ValidationError` after too many."""
    schema.count("ecosphere-study-run", RUN_RATE, person.id)
