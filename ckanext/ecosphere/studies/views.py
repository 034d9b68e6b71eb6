"""Pages of studies and of frames. They read the database and, when a study is run, the index: never another server."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Blueprint, Response, jsonify, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.shared import language, web_guard
from ckanext.ecosphere.studies import (
    asking,
    editing,
    frames,
    references,
    shown,
    states,
    store,
)
from ckanext.ecosphere.studies.display import drawing
from ckanext.ecosphere.studies.helpers import ecosphere_study_icon, ecosphere_study_sentence
from ckanext.ecosphere.studies.logic.schema import MOST_COMMUNES
from ckanext.ecosphere.vocabularies import communes, epcis

INVALID = 400
ROWS = 20
LONGEST_TYPED = 100
MOST_SUGGESTED = 8
WAYS = ("communes", "epci", "area", "file")
View = Callable[..., Any]
Errors = dict[str, list[str]]

ecosphere_studies = Blueprint("ecosphere_studies", __name__)
web_guard.protect(ecosphere_studies)


# --- what they share ---


def context() -> Any:
    """Return the context of actions for the current user."""
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user, "for_view": True}


def act(verb: str, **data: Any) -> Any:
    """Call an action of studies as the current user."""
    return tk.get_action(f"ecosphere_study_{verb}")(context(), data)


def is_known() -> bool:
    """Return whether the current user is logged in."""
    return bool(tk.current_user.is_authenticated)


def log_in() -> AnyResponse:
    """Redirect to the log-in page, which leads back here."""
    back = tk.url_for("ecosphere_studies.index")
    if request.method == "GET":
        back = request.full_path.rstrip("?")
    return tk.redirect_to("user.login", came_from=back)


def page(view: View) -> View:
    """Turn errors of a view into pages: 404 for what is not shared, log-in for anonymous people, else 403."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except tk.ObjectNotFound as error:
            tk.abort(404, error.message or store.unknown())
        except tk.NotAuthorized as error:
            if not is_known():
                return log_in()
            tk.abort(403, error.message or tk._("You may not do this."))
        except tk.ValidationError as error:
            # Forms show errors beside their fields; these are of made-up addresses and forms.
            sentences = [text for texts in messages(error).values() for text in texts]
            tk.abort(INVALID, " ".join(sentences))

    return answered


def known(view: View) -> View:
    """Require a log-in for a page."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        if is_known():
            return view(*args, **kwargs)
        return log_in()

    return page(answered)


def messages(error: Any) -> Errors:
    """Return the messages of a validation error by field."""
    by_field: Errors = {}
    for name, value in error.error_dict.items():
        texts = value
        if isinstance(value, str):
            texts = [value]
        by_field[str(name)] = [str(text) for text in texts]
    return by_field


def rendered(template: str, variables: Mapping[str, Any], status: int = 200) -> Response:
    """Render a page that no cache may store."""
    response = make_response(tk.render(f"ecosphere_studies/{template}", dict(variables)), status)
    response.cache_control.no_store = True
    return response


def to_study(study_id: str, need_id: str = "") -> AnyResponse:
    """Redirect to a study, at one of its needs if there is one."""
    anchor = ""
    if need_id:
        anchor = f"besoin-{need_id}"
    return tk.redirect_to(tk.url_for("ecosphere_studies.read", id=study_id, _anchor=anchor or None))


# --- lists ---


@page
def index() -> Response:
    """Show the studies of a person; explain them to anonymous people."""
    if not is_known():
        return rendered("about.html", {"frames": frames.frames()})
    archived = request.args.get("etat") == "archivees"
    state = store.ACTIVE
    if archived:
        state = store.ARCHIVED
    number = _number(request.args.get("page"), 1)
    studies = act("list", state=state, start=(number - 1) * ROWS, rows=ROWS)
    last = max(1, -(-studies["count"] // ROWS))
    return rendered(
        "index.html", {"found": studies, "archived": archived, "number": number, "last": last}
    )


def _number(text: str | None, default: int) -> int:
    if text and text.isascii() and text.isdigit() and len(text) < 6:  # noqa: PLR2004
        return max(int(text), 1)
    return default


# --- a new study, and the form of a site ---


@known
def new() -> AnyResponse:
    """Show the form of a new study, or create it."""
    chosen = request.args.get("cadre", "")
    if request.method == "GET":
        return _site_form("new.html", {"frame": chosen, "where": "communes"}, {})
    typed = _typed()
    try:
        study = act("create", title=typed["title"], frame=typed["frame"], **_site(typed))
    except tk.ValidationError as error:
        return _site_form("new.html", typed, messages(error))
    return to_study(study["id"])


@known
def copy(id: str) -> AnyResponse:
    """Show the form of the next site of a study, or make its copy."""
    study = act("show", id=id)
    if request.method == "GET":
        title = tk._("{title} (copy)").format(title=study["title"])
        return _site_form("copy.html", {"title": title, "where": "communes"}, {}, study)
    typed = _typed()
    try:
        other = act("copy", id=id, title=typed["title"], **_site(typed))
    except tk.ValidationError as error:
        return _site_form("copy.html", typed, messages(error), study)
    return to_study(other["id"])


def _typed() -> dict[str, str]:
    names = ("title", "frame", "where", "communes", "epci", "area", "buffer")
    typed = {name: request.form.get(name, "").strip() for name in names}
    if typed["where"] not in WAYS:
        typed["where"] = WAYS[0]
    return typed


def _site(typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of the site that a form gives.

    Raises:
        ValidationError: names of no or of several communes, what is neither numbers nor GeoJSON…
    """
    where = typed["where"]
    site: dict[str, Any] = {"buffer": typed["buffer"]}
    upload = request.files.get("file")
    if where == "communes":
        site["communes"] = _communes(typed["communes"])
    elif where == "epci":
        site["epci"] = _epci(typed["epci"])
    elif where == "area":
        site["geojson"] = _area(typed["area"])
    elif upload is not None and upload.filename:
        site["file"] = upload
    else:
        raise tk.ValidationError({"file": [tk._("Choose a file.")]})
    return site


def _communes(text: str) -> list[str]:
    parts = [part.strip() for part in text.replace("\n", ",").replace(";", ",").split(",")]
    codes, wrong = [], []
    for part in [part for part in parts if part][: MOST_COMMUNES + 1]:
        matches = communes.named(part[:LONGEST_TYPED])
        if len(matches) == 1:
            codes.append(matches[0].code)
        elif matches:
            labels = ", ".join(f"{each.label}, {each.code}" for each in matches[:5])
            wrong.append(tk._("Several communes are meant: {names}").format(names=labels))
        else:
            wrong.append(tk._("There is no commune of this name: {name}").format(name=part[:80]))
    if not codes and not wrong:
        wrong.append(tk._("Name at least one commune."))
    if wrong:
        raise tk.ValidationError({"communes": wrong})
    return codes


def _epci(text: str) -> str:
    matches = epcis.epcis_named(text[:LONGEST_TYPED])
    if len(matches) == 1:
        return matches[0].code
    message = tk._("There is no intercommunality of this name.")
    if len(matches) > 1:
        labels = ", ".join(f"{each.name} ({each.code})" for each in matches[:5])
        message = tk._("Several intercommunalities are meant: {names}").format(names=labels)
    raise tk.ValidationError({"epci": [message]})


def _area(text: str) -> str:
    """Return the GeoJSON of a drawn rectangle, or the text itself if it is an object."""
    if text.startswith("{"):
        return text
    sides = geometry.read_coordinates(text)
    if len(sides) != 4 or sides[0] >= sides[2] or sides[1] >= sides[3]:  # noqa: PLR2004 - sides
        message = tk._("Draw a rectangle, give its four sides in degrees, or GeoJSON.")
        raise tk.ValidationError({"area": [message]})
    west, south, east, north = sides
    return json.dumps(geometry.box_to_geometry((west, south, east, north)))


def _site_form(
    template: str, typed: Mapping[str, str], errors: Errors, study: Any = None
) -> Response:
    variables = {
        "typed": typed,
        "errors": {_FIELDS.get(name, name): texts for name, texts in errors.items()},
        "frames": frames.frames(),
        "study": study,
        "titles": _commune_labels(typed.get("communes", "")),
    }
    return rendered(template, variables, INVALID if errors else 200)


#: Parameters of the actions that have another name in the form.
_FIELDS = {"geojson": "area", "site": "where", "message": "where"}


def _commune_labels(text: str) -> dict[str, str]:
    """Return the labels of the codes of communes in a text, for the type-ahead."""
    labels = {}
    for part in text.split(","):
        commune = communes.of_code(part.strip()[:LONGEST_TYPED])
        if commune:
            labels[commune.code] = commune.label
    return labels


def commune_suggestions() -> Response:
    """Return communes that begin with what is typed (`q`)."""
    text = request.args.get("q", "")[:LONGEST_TYPED]
    matches = communes.suggest(text, MOST_SUGGESTED)
    return jsonify({"items": [{"value": each.code, "label": each.label} for each in matches]})


def epci_suggestions() -> Response:
    """Return intercommunalities that have the words that are typed (`q`)."""
    matches = epcis.epcis_like(request.args.get("q", "")[:LONGEST_TYPED])[:MOST_SUGGESTED]
    return jsonify({"items": [{"value": each.name, "label": each.name} for each in matches]})


@known
def dataset_suggestions() -> Response:
    """Return datasets that match what is typed (`q`) and that the person may read."""
    words = "".join(
        char if char.isalnum() else " " for char in request.args.get("q", "")[:LONGEST_TYPED]
    ).strip()
    items = []
    if words:
        query = {"q": words, "rows": MOST_SUGGESTED, "fq": "dataset_type:dataset"}
        answer = tk.get_action("package_search")(context(), {**query, "include_private": True})
        for each in answer["results"]:
            items.append({"value": each["name"], "label": each["title"] or each["name"]})
    return jsonify({"items": items})


# --- a study ---


@known
def read(id: str) -> Response:
    """Show a study: its needs by group, with their states and datasets."""
    study = act("show", id=id)
    state = request.args.get("etat", "")
    every = [need for group in study["groups"] for need in group["needs"]]
    counts = dict.fromkeys(states.LABELS, 0)
    for need in every:
        counts[need["finding"]["state"]] += 1
    if state in counts:
        groups = []
        for group in study["groups"]:
            needs = [need for need in group["needs"] if need["finding"]["state"] == state]
            if needs:
                groups.append({**group, "needs": needs})
        study = {**study, "groups": groups}
    first = [dataset for need in every for dataset in need["datasets"][:1]]
    site = store.site_of(store.get(id))
    variables = {
        "study": study,
        "counts": counts,
        "wanted": state,
        "map": drawing.draw(site, first),
    }
    return rendered("read.html", variables)


@known
def progress(id: str) -> Response:
    """Return the states of a study as JSON, for its page to show the counts as they come in."""
    tk.check_access("ecosphere_study_show", context(), {"id": id})
    answer = shown.progress(store.get(id), context())
    findings = [*answer["needs"].values()]
    for of_need in answer["datasets"].values():
        findings += of_need.values()
    for finding in findings:
        finding["sentence"] = ecosphere_study_sentence(finding)
        finding["icon"] = ecosphere_study_icon(str(finding.get("state")))
    response = jsonify(answer)
    response.cache_control.no_store = True
    return response


@known
def run(id: str) -> AnyResponse:
    """Run a study again."""
    try:
        act("run", id=id)
    except tk.ValidationError as error:
        _flash(error)
    return to_study(id)


def _flash(error: tk.ValidationError) -> None:
    for texts in messages(error).values():
        tk.h.flash_error(" ".join(texts))


@known
def changes(id: str) -> Response:
    """Show what changed between two runs."""
    study = act("show", id=id)
    data: dict[str, Any] = {"id": id}
    for name, parameter in (("before", "de"), ("after", "a")):
        if request.args.get(parameter):
            data[name] = request.args[parameter]
    return rendered("changes.html", {"study": study, "difference": act("difference", **data)})


# --- needs ---


@known
def need(id: str, need: str) -> Response:
    """Show a need with all its datasets and what can be done about it."""
    return _need_page(id, need, {}, {})


def _need_page(id_: str, need_id: str, typed: Mapping[str, Any], errors: Errors) -> Response:
    study = act("show", id=id_)
    need_dict, group = _find(study, need_id)
    variables = {
        "study": study,
        "need": need_dict,
        "group": group,
        "typed": typed,
        "errors": errors,
        "source": _source(study, need_dict),
        "links": _links(id_, need_dict),
    }
    return rendered("need.html", variables, INVALID if errors else 200)


def _find(study: Mapping[str, Any], need_id: str) -> tuple[Any, Any]:
    for group in study["groups"]:
        for need_dict in group["needs"]:
            if need_dict["id"] == need_id:
                return need_dict, group
    raise tk.ObjectNotFound(tk._("This study has no such need."))


def _source(study: Mapping[str, Any], need_: Mapping[str, Any]) -> frames.Source | None:
    frame = None
    if study["frame_id"]:
        frame = frames.frame(study["frame_id"])
    if frame is None:
        return None
    return frame.source(need_["need"].get("source") or "")


def _links(id_: str, need_: Mapping[str, Any]) -> tuple[references.Link, ...]:
    """Return the links to other sites that know something of the place; nothing is asked of them."""
    site = store.site_of(store.get(id_))
    return references.links(frames.Need.of_dict(need_["need"]), site)


@known
def need_update(id: str, need: str) -> AnyResponse:
    """Say whether a need is relevant."""
    relevant = request.form.get("relevant", "")
    why = request.form.get("why", "")
    try:
        act("need_update", id=id, need=need, relevant=relevant, why=why)
    except tk.ValidationError as error:
        return _need_page(id, need, {"why": why}, messages(error))
    return to_study(id, need)


@known
def need_create(id: str) -> AnyResponse:
    """Add a need that no frame has."""
    try:
        act("need_create", id=id, label=request.form.get("label", ""))
    except tk.ValidationError as error:
        _flash(error)
    return to_study(id)


@known
def dataset_update(id: str, need: str) -> AnyResponse:
    """Keep, set aside, replace or add a dataset; which one is said by the button, or by a field."""
    form = request.form
    for button, decision in (("keep", store.KEPT), ("propose", store.PROPOSED)):
        if form.get(button):
            act("dataset_update", id=id, need=need, dataset=form[button], decision=decision)
            return to_study(id, need)
    data = {"dataset": form.get("dataset", ""), "decision": store.ADDED}
    names = {"dataset": "dataset"}
    if form.get("aside"):
        data = {"dataset": form["aside"], "decision": store.ASIDE, "why": form.get("why_aside", "")}
        data["replacement"] = form.get("replacement", "")
        names = {"why": "why_aside", "dataset": "replacement"}
    try:
        act("dataset_update", id=id, need=need, **data)
    except tk.ObjectNotFound as error:
        field = {names["dataset"]: [error.message or tk._("Dataset not found")]}
        return _need_page(id, need, form, field)
    except tk.ValidationError as error:
        fields = {names.get(name, name): texts for name, texts in messages(error).items()}
        return _need_page(id, need, form, fields)
    return to_study(id, need)


@known
def ask(id: str, need: str) -> AnyResponse:
    """Show the form of a request for a need, or make its draft and go on where it is sent."""
    tk.check_access("ecosphere_study_request", context(), {"id": id})
    if not tk.h.plugin_loaded("ecosphere_requests"):
        tk.abort(404, tk._("This portal takes no data requests."))
    study = act("show", id=id)
    need_dict, _group = _find(study, need)
    row = store.need(store.get(id), need)
    if request.method == "GET":
        typed = {**asking.prefilled(store.get(id), row), "dataset": request.args.get("jeu", "")}
        return _ask_form(study, need_dict, typed, {})
    typed = request.form.to_dict()
    names = (*asking.FIELDS, "undertakes", "with_area")
    try:
        draft = act("request", id=id, need=need, **{name: typed.get(name, "") for name in names})
    except tk.ValidationError as error:
        return _ask_form(study, need_dict, typed, messages(error))
    return tk.redirect_to(tk.url_for("ecosphere_requests.edit", id=draft["id"], step="envoi"))


def _ask_form(study: Any, found: Any, typed: Mapping[str, Any], errors: Errors) -> Response:
    restricted = [
        each
        for each in found["datasets"]
        if each["readable"] and each["finding"].get("state") == states.RESTRICTED
    ]
    variables = {
        "study": study,
        "need": found,
        "typed": typed,
        "errors": errors,
        "restricted": restricted,
        "themes": _themes(),
        "undertaking": asking.undertaking(),
    }
    return rendered("ask.html", variables, INVALID if errors else 200)


def _themes() -> list[tuple[str, str]]:
    """Return the themes without their sub-themes: id and label, in alphabetical order."""
    lang = language.current()
    tops = [(each.id, each.label(lang)) for each in voc.get("themes") if not each.broader]
    return sorted(tops, key=lambda theme: voc.normalise(theme[1]))


# --- settings, members ---


@known
def settings(id: str) -> AnyResponse:
    """Show what can be done with a study as a whole; on POST, change its title."""
    if request.method == "POST":
        try:
            act("update", id=id, title=request.form.get("title", ""))
        except tk.ValidationError as error:
            return _settings(id, {"title": request.form.get("title", "")}, messages(error))
        tk.h.flash_success(tk._("Saved."))
        return tk.redirect_to("ecosphere_studies.settings", id=id)
    return _settings(id, {}, {})


def _settings(id_: str, typed: Mapping[str, str], errors: Errors, link: str = "") -> Response:
    study = act("show", id=id_)
    own = store.member_of(id_, str(tk.current_user.id))
    variables = {
        "study": study,
        "typed": {"title": study["title"], **typed},
        "errors": errors,
        "link": link,
        "own": own.id if own else "",
    }
    return rendered("settings.html", variables, INVALID if errors else 200)


@known
def archive(id: str) -> AnyResponse:
    """Archive a study, or take it up again."""
    state = request.form.get("state", "")
    act("update", id=id, state=state)
    return tk.redirect_to("ecosphere_studies.settings", id=id)


@known
def delete(id: str) -> AnyResponse:
    """Ask before a study is deleted; on POST, delete it."""
    if request.method == "GET":
        tk.check_access("ecosphere_study_delete", context(), {"id": id})
        study = store.get(id)
        title = ""
        if store.role(study, str(tk.current_user.id)):
            title = study.title
        return rendered("delete.html", {"id": study.id, "title": title})
    act("delete", id=id)
    tk.h.flash_success(tk._("The study is deleted."))
    return tk.redirect_to("ecosphere_studies.index")


@known
def member_add(id: str) -> AnyResponse:
    """Share a study with an account."""
    typed = {"username": request.form.get("username", "").strip()}
    may_write = request.form.get("may_write", "")
    try:
        act("member_add", id=id, may_write=may_write, **typed)
    except tk.ValidationError as error:
        return _settings(id, typed, messages(error))
    return tk.redirect_to("ecosphere_studies.settings", id=id)


@known
def member_remove(id: str) -> AnyResponse:
    """Take a study away from a member, revoke a link, or leave a study."""
    member = request.form.get("member", "")
    own = store.member_of(id, str(tk.current_user.id))
    act("member_remove", id=id, member=member)
    if own is not None and own.id == member:
        return tk.redirect_to("ecosphere_studies.index")
    return tk.redirect_to("ecosphere_studies.settings", id=id)


@known
def link_create(id: str) -> Response:
    """Make a secret link, and show it this once."""
    try:
        link = act("link_create", id=id, may_write=request.form.get("may_write", ""))
    except tk.ValidationError as error:
        return _settings(id, {}, messages(error))
    return _settings(id, {}, {}, link["url"])


@known
def invited(token: str) -> AnyResponse:
    """Ask before a link is used (some programs follow links); on POST, enter the study."""
    if request.method == "POST":
        return to_study(act("link_open", token=token)["id"])
    row = store.link(token)
    title = store.get(row.study_id).title if row else ""
    model.Session.rollback()
    if row is None:
        tk.abort(404, tk._("This link is used, too old or not complete: ask for another."))
    return rendered("invited.html", {"token": token, "title": title})


# --- frames ---


@page
def frame_list() -> Response:
    """Show the frames."""
    return rendered("frames.html", {"frames": frames.frames(), "may_edit": _may_edit()})


def _may_edit(frame_id: str = "") -> bool:
    return bool(tk.h.check_access("ecosphere_study_frame_save", {"id": frame_id}))


@page
def frame_read(id: str) -> Response:
    """Show a frame: its needs, its sources, and how it differs from the frame that it inherits from."""
    frame = _frame(id)
    parent = None
    difference = None
    if frame.inherits:
        parent = frames.frame(frame.inherits)
    if parent is not None:
        difference = frames.difference(frame, parent)
    may_change = frame.version > 0 and _may_edit(id)
    variables = {
        "frame": frame,
        "parent": parent,
        "difference": difference,
        "versions": editing.versions(id),
        "may_copy": _may_edit(),
        "may_change": may_change,
    }
    return rendered("frame.html", variables)


def _frame(id_: str) -> frames.Frame:
    frame = frames.frame(id_)
    if frame is None:
        raise tk.ObjectNotFound(tk._("There is no such frame."))
    return frame


@known
def frame_copy(id: str) -> AnyResponse:
    """Show the editor of a frame that inherits from another one, or create it."""
    parent = _frame(id)
    tk.check_access("ecosphere_study_frame_save", context(), {})
    if request.method == "POST":
        return _frame_saved(parent, "")
    return _frame_form(parent, editing.written(editing.derived(parent)), {}, "")


@known
def frame_edit(id: str) -> AnyResponse:
    """Show the editor of a frame of the portal, or store its next version."""
    frame = _frame(id)
    tk.check_access("ecosphere_study_frame_save", context(), {"id": id})
    if not frame.version:
        raise tk.ObjectNotFound(tk._("There is no such frame of the portal."))
    if request.method == "POST":
        return _frame_saved(frame, id)
    return _frame_form(frame, editing.written(frames.content_of(frame)), {}, id)


def _frame_saved(frame: frames.Frame, id_: str) -> AnyResponse:
    content = request.form.get("content", "")
    try:
        saved = act("frame_save", id=id_, content=content)
    except tk.ValidationError as error:
        return _frame_form(frame, content, messages(error), id_)
    tk.h.flash_success(tk._("The frame is saved."))
    return tk.redirect_to("ecosphere_studies.frame_read", id=saved["id"])


def _frame_form(frame: frames.Frame, content: str, errors: Errors, id_: str) -> Response:
    variables = {
        "frame": frame,
        "typed": {"content": content},
        "errors": errors,
        "changed": id_,
        "needs": sorted(frames.needs().values(), key=lambda need: need.id),
    }
    return rendered("frame_edit.html", variables, INVALID if errors else 200)


@known
def statistics() -> Response:
    """Show which data studies lack most, to the ministry."""
    return rendered("statistics.html", {"rows": act("missing_stats")})


_RULES = (
    ("/etudes", "index", index, "GET"),
    ("/etudes/nouvelle", "new", new, "GET POST"),
    ("/etudes/communes", "commune_suggestions", commune_suggestions, "GET"),
    ("/etudes/intercommunalites", "epci_suggestions", epci_suggestions, "GET"),
    ("/etudes/jeux-de-donnees", "dataset_suggestions", dataset_suggestions, "GET"),
    ("/etudes/statistiques", "statistics", statistics, "GET"),
    ("/etudes/cadres", "frame_list", frame_list, "GET"),
    ("/etudes/cadres/<id>", "frame_read", frame_read, "GET"),
    ("/etudes/cadres/<id>/copier", "frame_copy", frame_copy, "GET POST"),
    ("/etudes/cadres/<id>/modifier", "frame_edit", frame_edit, "GET POST"),
    ("/etudes/invitation/<token>", "invited", invited, "GET POST"),
    ("/etudes/<id>", "read", read, "GET"),
    ("/etudes/<id>/etat", "progress", progress, "GET"),
    ("/etudes/<id>/relancer", "run", run, "POST"),
    ("/etudes/<id>/changements", "changes", changes, "GET"),
    ("/etudes/<id>/copier", "copy", copy, "GET POST"),
    ("/etudes/<id>/reglages", "settings", settings, "GET POST"),
    ("/etudes/<id>/archiver", "archive", archive, "POST"),
    ("/etudes/<id>/supprimer", "delete", delete, "GET POST"),
    ("/etudes/<id>/membres", "member_add", member_add, "POST"),
    ("/etudes/<id>/membres/retirer", "member_remove", member_remove, "POST"),
    ("/etudes/<id>/lien", "link_create", link_create, "POST"),
    ("/etudes/<id>/besoins", "need_create", need_create, "POST"),
    ("/etudes/<id>/besoins/<need>", "need", need, "GET"),
    ("/etudes/<id>/besoins/<need>", "need_update", need_update, "POST"),
    ("/etudes/<id>/besoins/<need>/jeux", "dataset_update", dataset_update, "POST"),
    ("/etudes/<id>/besoins/<need>/demande", "ask", ask, "GET POST"),
)
for _path, _name, _view, _methods in _RULES:
    ecosphere_studies.add_url_rule(_path, endpoint=_name, view_func=_view, methods=_methods.split())
