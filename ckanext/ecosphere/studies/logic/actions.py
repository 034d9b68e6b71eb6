"""Actions of studies, of their frames, and of what they tell.

The parameters `id` (of a study), `need` (id of a row of the study) and those of a site are the same everywhere. A site
is given by one of `communes` (list of INSEE codes), `epci` (SIREN), `geojson` (text or object, RFC 7946, degrees) or
`file` (GeoJSON, KML, GeoPackage or zipped Shapefile), with `buffer` (metres, default 0).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.shared import action_input, authorization, dates
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import asking, editing, frames, jobs, news, shown, store
from ckanext.ecosphere.studies.asking import Asked
from ckanext.ecosphere.studies.content import ContentError
from ckanext.ecosphere.studies.display import figures
from ckanext.ecosphere.studies.logic.schema import LONGEST_LINE, MOST_ROWS, Given
from ckanext.ecosphere.studies.model import Study

RUNS = "ecosphere-study-run"
RUN_RATE = "20 per minute; 200 per hour"
"""Runs of one person: each asks the index once a need."""
MOST_WORDS, MOST_THEMES = 10, 5
LONGEST_USE = timedelta(days=10 * 365)


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
    tk.check_access("ecosphere_study_create", context, data_dict)
    parameters = Given(data_dict)
    title = parameters.line("title", required=True)
    frame = None
    if parameters.has("frame"):
        frame = frames.frame(parameters.line("frame"))
        if frame is None:
            parameters.note("frame", tk._("There is no such frame."))
    site = parameters.site()
    person = _person(context)
    _count_run(person)
    with _Bounded("title"):
        study = store.create(person.id, title, frame, site)
        store.run(study, authorization.same_person(context))
    return shown.full(study, context)


@tk.side_effect_free
def ecosphere_study_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a study with its needs, their states and datasets.

    Args:
        id (str): of the study.

    Returns:
        `id`, `title`, `frame`, `site` (GeoJSON, degrees), `buffer` (metres), `state` (active, archived), `run` (number
        of the last run) and `run_at`, `pending` (datasets still to be counted), `role` (owner, write, read), `groups`
        of `needs` with `finding` (`state`, `label`, `code`, `params`, `share` 0 to 1, `count`…), `request` and
        `datasets`; `share` (needs with an answer, and relevant needs); for the owner also `members`.

    Raises:
        NotFound: there is no such study, or it is not shared with the caller.
    """
    tk.check_access("ecosphere_study_show", context, data_dict)
    return shown.full(store.get(data_dict.get("id")), context)


@tk.side_effect_free
def ecosphere_study_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the studies that the caller owns or was invited to, the last changed first.

    Args:
        state (str): active (default) or archived.
        start (int), rows (int): part of the list; 20 rows by default, 100 at most.

    Returns:
        `count`, and `results`: id, title, site_label, run, pending, role, owner, created, modified…
    """
    tk.check_access("ecosphere_study_list", context, data_dict)
    parameters = Given(data_dict)
    state = parameters.choice("state", (store.ACTIVE, store.ARCHIVED), store.ACTIVE)
    start = parameters.number("start", 10**9)
    rows = parameters.number("rows", MOST_ROWS, 20)
    parameters.check()
    person = _person(context)
    count, studies = store.of_person(person.id, state, start, rows)
    return {"count": count, "results": [shown.brief(study, person.id) for study in studies]}


def ecosphere_study_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change the title of a study, archive it, or take it up again.

    Args:
        id (str): of the study.
        title (str): unchanged if it is not given.
        state (str): active or archived; unchanged if it is not given.

    Returns:
        the study, as in `ecosphere_study_list`.
    """
    tk.check_access("ecosphere_study_update", context, data_dict)
    study = store.get(data_dict.get("id"))
    parameters = Given(data_dict)
    title, state = study.title, study.state
    if "title" in data_dict:
        title = parameters.line("title", required=True)
    if parameters.has("state"):
        state = parameters.choice("state", (store.ACTIVE, store.ARCHIVED), state)
    parameters.check()
    study.title, study.state = title, state
    store.touch(study)
    model.Session.commit()
    return shown.brief(study, _person(context).id)


def ecosphere_study_delete(context: Context, data_dict: DataDict) -> dict[str, str]:
    """Delete a study with its needs, runs, members and e-mails. Requests made for it stay.

    Args:
        id (str): of the study.

    Raises:
        NotFound: there is no such study, or it is not shared with the caller.
        NotAuthorized: the caller is neither its owner nor a sysadmin.
    """
    tk.check_access("ecosphere_study_delete", context, data_dict)
    study = store.get(data_dict.get("id"))
    study_id = study.id
    news.forget_study(study_id)
    store.delete(study)
    model.Session.commit()
    return {"id": study_id}


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
    tk.check_access("ecosphere_study_copy", context, data_dict)
    study = store.get(data_dict.get("id"))
    parameters = Given(data_dict)
    title = parameters.line("title", required=True)
    site = parameters.site()
    person = _person(context)
    _count_run(person)
    with _Bounded("title"):
        other = store.copy(study, person.id, title, site)
        store.run(other, authorization.same_person(context))
    return shown.full(other, context)


def ecosphere_study_run(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Look for the data of a study again; what was decided stays.

    Args:
        id (str): of the study.

    Returns:
        the study, as `ecosphere_study_show` returns it.

    Raises:
        ValidationError: too many runs in a short time.
    """
    tk.check_access("ecosphere_study_run", context, data_dict)
    study = store.get(data_dict.get("id"))
    _count_run(_person(context))
    store.run(study, authorization.same_person(context))
    return shown.full(study, context)


@tk.side_effect_free
def ecosphere_study_difference(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return what changed between two runs of a study.

    Args:
        id (str): of the study.
        before (int), after (int): numbers of the runs; by default the last two.

    Returns:
        `before` and `after`; `runs` that are kept (`number`, `at`), the last one first; `changes`, one a need: `label`,
        states `before` and `after`, `came` and `went` (titles), `counts`.

    Raises:
        NotFound: one of the runs is not kept.
    """
    tk.check_access("ecosphere_study_difference", context, data_dict)
    study = store.get(data_dict.get("id"))
    parameters = Given(data_dict)
    after = parameters.number("after", 10**6, study.run)
    before = parameters.number("before", 10**6, after - 1)
    parameters.check()
    runs = [{"number": each.number, "at": each.at.isoformat()} for each in store.runs(study)]
    changes = []
    if before > 0:
        results = store.results_of(study, after)
        changes = store.difference(store.results_of(study, before), results)
    return {"before": before, "after": after, "runs": runs, "changes": changes}


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
    tk.check_access("ecosphere_study_need_create", context, data_dict)
    study = store.get(data_dict.get("id"))
    parameters = Given(data_dict)
    label = parameters.line("label", required=True)
    words = parameters.texts("words", MOST_WORDS)
    themes = parameters.texts("themes", MOST_THEMES)
    parameters.check()
    _count_run(_person(context))
    with _Bounded("label"):
        row = store.add_need(study, label, words, themes)
    countable = store.look(study, [row], authorization.same_person(context))
    store.settle(study, row)
    study.pending += len(countable)
    jobs.want(countable)
    model.Session.commit()
    jobs.COUNT.enqueue()
    return shown.full(study, context)


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
    tk.check_access("ecosphere_study_need_update", context, data_dict)
    study, row = _need(data_dict)
    parameters = Given(data_dict)
    relevant = parameters.flag("relevant", default=True)
    why = parameters.text("why", required=not relevant)
    parameters.check()
    person = _person(context)
    store.say_relevant(study, row, relevant, person.id, why)
    model.Session.commit()
    return shown.brief(study, person.id)


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
    tk.check_access("ecosphere_study_dataset_update", context, data_dict)
    study, row = _need(data_dict)
    parameters = Given(data_dict)
    replaced = parameters.has("replacement")
    default = store.ASIDE if replaced else ""
    decision = parameters.choice("decision", store.DECISIONS, default)
    why = parameters.text("why", required=decision == store.ASIDE and not replaced)
    key = parameters.line("dataset", required=True)
    parameters.check()
    countable: list[str] = []
    with _Bounded("dataset"):
        if decision == store.ADDED:
            countable += _added(context, study, row, key)
        else:
            package = model.Package.get(key)
            package_id = package.id if package else key
            store.decide(study, row, package_id, decision, why)
        if replaced:
            countable += _added(context, study, row, parameters.line("replacement"))
    jobs.want(countable)
    model.Session.commit()
    jobs.COUNT.enqueue()
    return shown.brief(study, _person(context).id)


def _added(context: Context, study: Study, row: Any, key: str) -> list[str]:
    same = authorization.same_person(context)
    try:
        package = tk.get_action("package_show")(same, {"id": key})
    except tk.NotAuthorized:
        raise tk.ObjectNotFound(tk._("Dataset not found")) from None
    if package.get("type", "dataset") != "dataset":
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    return store.add(study, row, package, same)


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
    tk.check_access("ecosphere_study_member_add", context, data_dict)
    study = store.get(data_dict.get("id"))
    parameters = Given(data_dict)
    name = parameters.line("username", required=True)
    may_write = parameters.flag("may_write")
    parameters.check()
    user: Any = model.User.by_name(name.lower())
    if user is None or user.state != model.State.ACTIVE:
        raise tk.ValidationError({"username": [tk._("There is no account of this name.")]})
    if user.id == study.owner_id:
        raise tk.ValidationError({"username": [tk._("This person owns the study.")]})
    with _Bounded("username"):
        store.invite(study, user.id, may_write)
    news.tell_invited(study, user.id)
    model.Session.commit()
    news.OUTBOX.enqueue()
    return shown.brief(study, _person(context).id)


def ecosphere_study_member_remove(context: Context, data_dict: DataDict) -> dict[str, str]:
    """Take a study away from a member, revoke a link, or leave a study.

    Args:
        id (str): of the study.
        member (str): id of the member or link, from `members` of the study; the caller's own to leave.
    """
    tk.check_access("ecosphere_study_member_remove", context, data_dict)
    study = store.get(data_dict.get("id"))
    store.leave(study, str(data_dict.get("member") or ""))
    model.Session.commit()
    return {"id": study.id}


def ecosphere_study_link_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make a secret link that lets one account into a study, once, within 30 days.

    Args:
        id (str): of the study.
        may_write (bool): whether it may change the study (default: no).

    Returns:
        `token` and `url`, which cannot be shown again: only a digest is stored.
    """
    tk.check_access("ecosphere_study_link_create", context, data_dict)
    study = store.get(data_dict.get("id"))
    parameters = Given(data_dict)
    may_write = parameters.flag("may_write")
    parameters.check()
    with _Bounded("may_write"):
        token = store.make_link(study, may_write)
    model.Session.commit()
    return {
        "token": token,
        "url": tk.url_for("ecosphere_studies.invited", token=token, _external=True),
    }


def ecosphere_study_link_open(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Enter a study by a secret link, which is then used up.

    Args:
        token (str): of the link.

    Returns:
        the study, as in `ecosphere_study_list`.

    Raises:
        NotFound: the link is unknown, used, revoked or too old.
    """
    tk.check_access("ecosphere_study_link_open", context, data_dict)
    row = store.link(str(data_dict.get("token") or "")[:LONGEST_LINE])
    if row is None:
        model.Session.rollback()
        raise tk.ObjectNotFound(
            tk._("This link is used, too old or not complete: ask for another.")
        )
    person = _person(context)
    with _Bounded("token"):
        study = store.open_link(row, person.id)
    model.Session.commit()
    return shown.brief(study, person.id)


def ecosphere_study_request(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make the draft of a data request for a need, with the caller's own rights; the site is not part of it.

    Args:
        id (str), need (str): the study and its need.
        title, description, theme, territory, procedure, visibility (str): of the request; filled in from the need.
        dataset (str): name or id of a restricted dataset to which access is asked; then also `purpose` (str), `until`
            (day, YYYY-MM-DD), `undertakes` (bool, must be true).
        with_area (bool): whether the rectangle around the site is sent; only the owner of the study may.

    Returns:
        the draft, as `ecosphere_request_show` returns it.

    Raises:
        ValidationError: what is wrong, by parameter; or a request for the need is still open.
        NotFound: the portal takes no requests, or the caller may not read the dataset.
    """
    tk.check_access("ecosphere_study_request", context, data_dict)
    study, row = _need(data_dict)
    person = _person(context)
    parameters = Given({**asking.prefilled(study, row), **data_dict})
    wish = _asked(parameters)
    if wish.with_area and study.owner_id != person.id:
        parameters.note("with_area", tk._("Only the owner of the study may send where it is."))
    parameters.check()
    draft = asking.ask(study, row, wish, context)
    store.settle(study, row)
    if wish.until:
        news.remind(study, row, person.id, wish.until)
    model.Session.commit()
    return draft


def _asked(parameters: Given) -> Asked:
    wish = Asked(
        title=parameters.line("title", required=True, most=300),
        description=parameters.text("description", required=True),
        theme=parameters.concept("theme", "themes"),
        territory=parameters.concept("territory", "territories"),
        procedure=parameters.line("procedure"),
        visibility=parameters.choice("visibility", ("public", "private"), "private"),
        dataset=parameters.line("dataset"),
        purpose=parameters.text("purpose", required=parameters.has("dataset")),
        until=parameters.day("until"),
        undertakes=parameters.flag("undertakes"),
        with_area=parameters.flag("with_area"),
    )
    if wish.dataset and not wish.undertakes:
        parameters.note("undertakes", tk._("Restricted data are given to who undertakes this."))
    today = dates.today()
    if wish.until and not today <= wish.until <= today + LONGEST_USE:
        parameters.note("until", tk._("Choose a day from today on, within ten years."))
    return wish


@tk.side_effect_free
def ecosphere_study_frame_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the frames in force, without what is in them.

    Returns:
        `id`, `version` (0 for one of the suite), `title` and `description` by language, `territory` (id of the
        vocabulary, "" for the whole country), `inherits`, `checked` (ISO day), `needs` (their number).
    """
    tk.check_access("ecosphere_study_frame_list", context, data_dict)
    rows = []
    for frame in frames.frames():
        row = frame.as_dict()
        del row["groups"], row["sources"]
        rows.append({**row, "needs": len(frame.needs)})
    return rows


@tk.side_effect_free
def ecosphere_study_frame_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a frame in force with its sources, and its needs by group, inherited ones included.

    Args:
        id (str): of the frame.
    """
    tk.check_access("ecosphere_study_frame_show", context, data_dict)
    frame = frames.frame(str(data_dict.get("id") or ""))
    if frame is None:
        raise tk.ObjectNotFound(tk._("There is no such frame."))
    return frame.as_dict()


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
    if frame_id and editing.latest(frame_id) is None:
        raise tk.ObjectNotFound(tk._("There is no such frame of the portal."))
    content = data_dict.get("content")
    try:
        if isinstance(content, str):
            content = editing.parsed(content)
        content = json.loads(json.dumps(content, default=str))
        row = editing.save(frame_id, content, _person(context).id)
    except ContentError as error:
        raise tk.ValidationError({"content": editing.sentences(error)}) from None
    except (editing.NotContent, TypeError, ValueError, RecursionError) as error:
        raise tk.ValidationError({"content": [str(error)]}) from None
    saved = row.frame_id
    model.Session.commit()
    return tk.get_action("ecosphere_study_frame_show")(context, {"id": saved})


@tk.side_effect_free
def ecosphere_study_missing_stats(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the needs that studies lack most by département and région: what is worth producing.

    Only numbers of at least five studies; no person, no title, no site, none of the needs that people added.

    Returns:
        `need` (id), `label` (by language), `territory` (id of the vocabulary), `studies`.
    """
    tk.check_access("ecosphere_study_missing_stats", context, data_dict)
    return figures.missing()


@tk.side_effect_free
def ecosphere_study_dataset_stats(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return how many studies the datasets of a service serve; only numbers of at least five studies.

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


def _person(context: Any) -> model.User:
    person = authorization.person(context)
    if person is None:
        raise tk.NotAuthorized
    return person


def _need(data_dict: Mapping[str, Any]) -> tuple[Study, Any]:
    study = store.get(data_dict.get("id"))
    return study, store.need(study, data_dict.get("need"))


class _Bounded:
    """Turn "as much as there may be" into an error of a parameter, and take back what was written."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: Any, error: Any, _trace: Any) -> None:
        """Raise a ValidationError instead of `store.Full`."""
        if isinstance(error, store.Full):
            model.Session.rollback()
            raise tk.ValidationError({self.name: [str(error)]}) from None


def _count_run(person: model.User) -> None:
    """Count a run of a person.

    Raises:
        ValidationError: too many in a short time.
    """
    try:
        rate_limits.hit(RUNS, RUN_RATE, f"user:{person.id}", fallback=True)
    except rate_limits.TooMany as error:
        message = tk._("You have run studies too often in a short time.")
        again = rate_limits.try_again(error.seconds)
        raise tk.ValidationError({"message": [f"{message} {again}"]}) from None


def get_actions() -> dict[str, Any]:
    """Return the actions that the plugin registers."""
    own = {name: value for name, value in globals().items() if name.startswith("ecosphere_study_")}
    return action_input.checked(own)
