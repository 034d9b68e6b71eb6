"""Actions of studies, of their frames, and of what they tell.

The parameters `id` (of a study), `need` (id of a row of the study) and those of a site are the same
everywhere. A site is given by one of `communes` (list of INSEE codes or names), `epci` (SIREN or
name), `geojson` (text or object, RFC 7946, degrees; or the four sides of a rectangle) or `file`
(GeoJSON, KML, GeoPackage or zipped Shapefile), with `buffer` (metres, default 0).
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

#: Runs of one person: each asks the index once a need.
RUN_RATE = "20 per minute; 200 per hour"


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
    study, rows = Study(), []
    if "frame" in data_dict:
        frame = data_dict["frame"]
        study.frame_id, study.frame_version = frame.id, frame.version
        for group in frame.groups:
            rows += [(group.label, asdict(need)) for need in group.needs]
    return _begun(study, rows, context, data_dict)


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
    return _saved(study, context)


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
    rows = [(row.group, row.need) for row in store.needs(study)]
    return _begun(other, rows, context, data_dict)


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
        one row a layer, as `clipping.shown` returns them.

    Raises:
        ValidationError: the study keeps no dataset yet.
    """
    study = store.get(data_dict["id"])
    if not store.chosen(study):
        message = tk._("Keep a dataset in the study first: there is nothing to prepare yet.")
        raise tk.ValidationError({"id": [message]})
    clipping.ask(study, context)
    model.Session.commit()
    return clipping.shown(study, context)


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
    study, row = _need(data_dict)
    row.relevant = data_dict["relevant"]
    row.who = row.why = ""
    if not row.relevant:
        _require(data_dict, "why")
        row.who, row.why = auth.person(context).id, data_dict["why"]
    store.settle(study, row)
    return _saved(study, context)


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
    study, row = _need(data_dict)
    same = authorization.same_person(context)
    decision = data_dict.get("decision", "")
    servers: store.Servers = {}
    if data_dict["replacement"]:
        decision = store.ASIDE
        servers |= store.add(study, row, _readable(same, data_dict["replacement"]), same)
    else:
        _require(data_dict, "decision")
        if decision == store.ASIDE:
            _require(data_dict, "why")
    if decision == store.ADDED:
        servers |= store.add(study, row, _readable(same, data_dict["dataset"]), same)
    else:
        package = model.Package.get(data_dict["dataset"])
        package_id = package.id if package else ""
        store.decide(study, row, package_id, decision, data_dict["why"])
    store.save(study, servers)
    return shown.brief(study, auth.person(context).id)


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
    study_dict = _saved(study, context)
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
    return _saved(study, context)


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
    return _saved(store.open_link(row, auth.person(context).id), context)


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
    study, row = _need(data_dict)
    person = auth.person(context)
    draft = asking.ask(study, row, {**asking.prefilled(study, row), **data_dict}, context)
    store.settle(study, row)
    if data_dict["dataset"] and "until" in data_dict:
        news.remind(study, row, person.id, data_dict["until"].date())
    model.Session.commit()
    return draft


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
    saved = row.frame_id
    model.Session.commit()
    return tk.get_action("ecosphere_study_frame_show")(context, {"id": saved})


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


# --- what they share ---


def site_of(data_dict: Mapping[str, Any]) -> Site:
    """Return the site that validated parameters give: `communes`, `epci`, `geojson` or `file`, and
    `buffer`.

    Raises:
        ValidationError: none or several of them are given, or the site cannot be used.
    """
    kinds = [kind for kind in ("communes", "epci", "geojson", "file") if kind in data_dict]
    if len(kinds) != 1:
        message = tk._("Say where in one way: communes, an intercommunality, a drawing or a file.")
        raise tk.ValidationError({"site": [message]})
    value, buffer = data_dict[kinds[0]], data_dict["buffer"]
    try:
        match kinds[0]:
            case "communes":
                return sites.of_communes(value, buffer)
            case "epci":
                return sites.of_epci(value, buffer)
            case "geojson":
                return sites.of_geojson(value, data_dict["label"], buffer)
        name = LINE(Path(value.filename or "").stem[:LONGEST_LINE])
        return sites.of_file(name, value.stream.read(sites.MOST_BYTES + 1), buffer)
    except SiteError as error:
        message = wording.site_error(error.code, error.params)
        raise tk.ValidationError({kinds[0]: [message]}) from None


def _begun(study: Study, rows: Any, context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Store a new study of the caller with its needs, on the site that is given, and run it."""
    site = site_of(data_dict)
    person = auth.person(context)
    _count_run(person)
    study.owner_id, study.title = person.id, data_dict["title"]
    store.create(study, site, rows)
    store.run(study, authorization.same_person(context))
    return shown.full(study, context)


def _need(data_dict: Mapping[str, Any]) -> tuple[Study, StudyNeed]:
    study = store.locked(data_dict["id"])
    return study, store.need(study, data_dict["need"])


def _require(data_dict: Mapping[str, Any], name: str) -> None:
    if not data_dict.get(name):
        raise tk.ValidationError({name: [tk._("Missing value")]})


def _readable(context: Any, key: str) -> dict[str, Any]:
    """Return a dataset that the person may read, as `package_show` returns it.

    Raises:
        NotFound: there is none; the sentence is the same for one that they may not read.
    """
    missing = tk.ObjectNotFound(tk._("Dataset not found"))
    try:
        package = tk.get_action("package_show")(context, {"id": key})
    except tk.NotAuthorized:
        raise missing from None
    if package["type"] != "dataset":
        raise missing
    return package


def _saved(study: Study, context: Context) -> dict[str, Any]:
    """Commit a change of a study, and return the study as in a list."""
    study.modified = now()
    model.Session.commit()
    return shown.brief(study, auth.person(context).id)


def _count_run(person: model.User) -> None:
    schema.count("ecosphere-study-run", RUN_RATE, person.id)
