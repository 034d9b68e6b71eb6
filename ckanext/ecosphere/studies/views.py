"""Pages of studies and of frames.

They read the database and, when a study is run, the index: never another server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core.pages import (
    GET_POST,
    Form,
    Pages,
    act,
    context,
    part_of_list,
    press,
    rendered,
)
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.studies import (
    asking,
    frames,
    references,
    shown,
    states,
    store,
    wording,
)
from ckanext.ecosphere.studies.logic import schema
from ckanext.ecosphere.vocabularies import communes, epcis

LONGEST_TYPED = 100
MOST_SUGGESTED = 8
SIDES = 4
#: Fields of the form of a site, the one chosen by `where` counts → parameters of actions.
WAYS = {"communes": "communes", "epci": "epci", "area": "geojson", "file": "file"}
SITE = (*WAYS, "where", "buffer")

ecosphere_studies = Pages(
    "ecosphere_studies",
    public=("index", "frame_list", "frame_read", "commune_suggestions", "epci_suggestions"),
)


def to_study(id_: str, need_id: str = "") -> AnyResponse:
    """Redirect to a study, at one of its needs if there is one."""
    address = tk.url_for("ecosphere_studies.read", id=id_)
    if need_id:
        address = f"{address}#besoin-{need_id}"
    return tk.redirect_to(address)


def to_settings(id_: str) -> AnyResponse:
    """Redirect to the settings of a study, once something was changed there."""
    tk.h.flash_success(tk._("Saved."))
    return tk.redirect_to("ecosphere_studies.settings", id=id_)


@ecosphere_studies.route("/etudes")
def index() -> Response:
    """Show the studies of a person; explain them to anonymous people."""
    if not tk.current_user.is_authenticated:
        return rendered("ecosphere_studies/about.html", frames=frames.frames())
    archived = request.args.get("etat") == "archivees"
    state = store.ACTIVE
    if archived:
        state = store.ARCHIVED
    studies = part_of_list("ecosphere_study_list", state=state)
    return rendered("ecosphere_studies/index.html", found=studies, archived=archived)


# --- a new study, and the form of a site ----------------------------------------------------------


@ecosphere_studies.route("/etudes/nouvelle", methods=GET_POST)
def new() -> AnyResponse:
    """Show the form of a new study, or create it."""
    chosen = request.args.get("cadre", "")
    form = Form("title", *SITE, frame=chosen, where="communes")
    if form.sends("ecosphere_study_create", _with_site, _fields_of_site(form)):
        return to_study(form.result["id"])
    return form.page("ecosphere_studies/new.html", frames=frames.frames())


@ecosphere_studies.route("/etudes/<id>/copier", methods=GET_POST)
def copy(id: str) -> AnyResponse:
    """Show the form of the next site of a study, or make its copy."""
    study = act("ecosphere_study_show", id=id)
    title = tk._("{title} (copy)").format(title=study["title"])
    form = Form(*SITE, title=title, where="communes")
    if form.sends("ecosphere_study_copy", _with_site, _fields_of_site(form), id=id):
        return to_study(form.result["id"])
    return form.page("ecosphere_studies/copy.html", study=study)


def _fields_of_site(form: Form) -> dict[str, str]:
    """Return the fields of the parameters that have another name."""
    return {"geojson": "area", "message": "where", "site": form.typed["where"]}


def _with_site(typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of an action that a form with a site gives."""
    data: dict[str, Any] = {name: text for name, text in typed.items() if name not in WAYS}
    way = data.pop("where")
    value: Any = typed.get(way)
    if way == "file":
        value = request.files.get("file")
    if way in WAYS and value:
        data[WAYS[way]] = value
    return data


# --- type-ahead -----------------------------------------------------------------------------------


@ecosphere_studies.route("/etudes/communes")
def commune_suggestions() -> Response:
    """Return communes that begin with what is typed (`q`)."""
    matches = communes.suggest(_typed_words(), MOST_SUGGESTED)
    return jsonify(items=[{"label": commune.label} for commune in matches])


@ecosphere_studies.route("/etudes/intercommunalites")
def epci_suggestions() -> Response:
    """Return intercommunalities that have the words that are typed (`q`)."""
    matches = epcis.epcis_like(_typed_words())[:MOST_SUGGESTED]
    return jsonify(items=[{"label": epci.name} for epci in matches])


def _typed_words() -> str:
    return request.args.get("q", "")[:LONGEST_TYPED]


# --- a study --------------------------------------------------------------------------------------


@ecosphere_studies.route("/etudes/<id>")
def read(id: str) -> Response:
    """Show a study: its needs by group, with their states and datasets."""
    study = act("ecosphere_study_show", id=id)
    needs = [need for group in study["groups"] for need in group["needs"]]
    counts = Counter(need["finding"]["state"] for need in needs)
    best = [dataset for need in needs for dataset in need["datasets"][:1]]
    state = request.args.get("etat", "")
    if state in wording.STATES:
        for group in study["groups"]:
            group["needs"] = [need for need in group["needs"] if need["finding"]["state"] == state]
        study["groups"] = [group for group in study["groups"] if group["needs"]]
    map_ = shown.draw(store.site_of(store.get(id)), best)
    return rendered(
        "ecosphere_studies/read.html", study=study, counts=counts, wanted=state, map=map_
    )


@ecosphere_studies.route("/etudes/<id>/etat")
def progress(id: str) -> Response:
    """Return the states of a study as JSON, for its page to show the counts as they come in."""
    tk.check_access("ecosphere_study_show", context(), {"id": id})
    response = jsonify(shown.progress(store.get(id), context()))
    response.cache_control.no_store = True
    return response


@ecosphere_studies.post("/etudes/<id>/relancer")
def run(id: str) -> AnyResponse:
    """Run a study again."""
    press("ecosphere_study_run", id=id)
    return to_study(id)


@ecosphere_studies.route("/etudes/<id>/changements")
def changes(id: str) -> Response:
    """Show what changed between two runs."""
    study = act("ecosphere_study_show", id=id)
    numbers = {"before": request.args.get("de", ""), "after": request.args.get("a", "")}
    difference = act("ecosphere_study_difference", id=id, **numbers)
    return rendered("ecosphere_studies/changes.html", study=study, difference=difference)


# --- needs ----------------------------------------------------------------------------------------


@ecosphere_studies.post("/etudes/<id>/besoins")
def need_create(id: str) -> AnyResponse:
    """Add a need that no frame has."""
    press("ecosphere_study_need_create", id=id, label=request.form.get("label", ""))
    return to_study(id)


@ecosphere_studies.route("/etudes/<id>/besoins/<need>", methods=GET_POST)
def need(id: str, need: str) -> AnyResponse:
    """Show a need with all its datasets and what can be done about it.

    On POST, say whether it is relevant.
    """
    form = Form("relevant", "why")
    if form.sends("ecosphere_study_need_update", id=id, need=need):
        return to_study(id, need)
    return _need_page(form, id, need)


@ecosphere_studies.post("/etudes/<id>/besoins/<need>/jeux")
def dataset_update(id: str, need: str) -> AnyResponse:
    """Keep, set aside, replace or add a dataset; which one is said by the button, or by a field."""
    form = Form("keep", "propose", "aside", "why_aside", "replacement", "dataset")
    fields = {}
    if form.typed["aside"]:
        fields = {"why": "why_aside", "dataset": "replacement"}
    try:
        done = form.sends("ecosphere_study_dataset_update", _decision, fields, id=id, need=need)
    except tk.ObjectNotFound as error:
        done = False
        form.errors[fields.get("dataset", "dataset")] = [error.message or tk._("Dataset not found")]
    if done:
        return to_study(id, need)
    return _need_page(form, id, need)


def _decision(typed: Mapping[str, str]) -> dict[str, str]:
    if typed["keep"]:
        return {"dataset": typed["keep"], "decision": store.KEPT}
    if typed["propose"]:
        return {"dataset": typed["propose"], "decision": store.PROPOSED}
    if typed["aside"]:
        instead = {"why": typed["why_aside"], "replacement": typed["replacement"]}
        return {"dataset": typed["aside"], "decision": store.ASIDE, **instead}
    return {"dataset": typed["dataset"], "decision": store.ADDED}


def _need_page(form: Form, id_: str, need_id: str) -> Response:
    study = act("ecosphere_study_show", id=id_)
    need_ = _need_of(study, need_id)
    source = None
    frame = frames.frame(study["frame_id"])
    if frame is not None:
        source = frame.source(need_["need"].get("source") or "")
    # Nothing is asked of the sites to which the links lead.
    site = store.site_of(store.get(id_))
    need_of_frame = frames.Need.of_dict(need_["need"])
    links = references.links(need_of_frame, site, references.last_checks())
    return form.page(
        "ecosphere_studies/need.html", study=study, need=need_, source=source, links=links
    )


def _need_of(study: Mapping[str, Any], need_id: str) -> Any:
    for group in study["groups"]:
        for need_ in group["needs"]:
            if need_["id"] == need_id:
                return need_
    raise tk.ObjectNotFound(tk._("This study has no such need."))


@ecosphere_studies.route("/etudes/<id>/besoins/<need>/demande", methods=GET_POST)
def ask(id: str, need: str) -> AnyResponse:
    """Show the form of a request for a need, or make its draft and go on where it is sent."""
    tk.check_access("ecosphere_study_request", context(), {"id": id})
    if not tk.h.plugin_loaded("ecosphere_requests"):
        tk.abort(404, tk._("This portal takes no data requests."))
    study = act("ecosphere_study_show", id=id)
    need_ = _need_of(study, need)
    prefilled = asking.prefilled(store.get(id), store.need(store.get(id), need))
    prefilled["dataset"] = request.args.get("jeu", "")
    names = schema.study_request().keys() - {"id", "need", "__extras"}
    form = Form(*names, **prefilled)
    if form.sends("ecosphere_study_request", id=id, need=need):
        return tk.redirect_to("ecosphere_requests.edit", id=form.result["id"], step="envoi")
    readable = [dataset for dataset in need_["datasets"] if dataset["readable"]]
    return form.page(
        "ecosphere_studies/ask.html",
        study=study,
        need=need_,
        restricted=[row for row in readable if row["finding"].get("state") == states.RESTRICTED],
        themes=_themes(),
        undertaking=asking.undertaking(),
    )


def _themes() -> list[tuple[str, str]]:
    """Return the themes without their sub-themes: id and label, in alphabetical order."""
    tops = [theme for theme in voc.get("themes") if not theme.broader]
    labels = [(theme.id, theme.label(language.current())) for theme in tops]
    return sorted(labels, key=lambda theme: voc.normalise(theme[1]))


# --- settings, members ----------------------------------------------------------------------------


@ecosphere_studies.route("/etudes/<id>/reglages", methods=GET_POST)
def settings(id: str) -> AnyResponse:
    """Show what can be done with a study as a whole; on POST, change its title."""
    form = Form("title")
    if form.sends("ecosphere_study_update", id=id):
        return to_settings(id)
    return _settings_page(form, id)


def _settings_page(form: Form, id_: str, link: str = "") -> Response:
    study = act("ecosphere_study_show", id=id_)
    form.typed["title"] = form.typed.get("title") or study["title"]
    own = store.member_of(id_, tk.current_user.id)
    return form.page("ecosphere_studies/settings.html", study=study, link=link, own=own and own.id)


@ecosphere_studies.post("/etudes/<id>/archiver")
def archive(id: str) -> AnyResponse:
    """Archive a study, or take it up again."""
    act("ecosphere_study_update", id=id, state=request.form.get("state", ""))
    return to_settings(id)


@ecosphere_studies.route("/etudes/<id>/supprimer", methods=GET_POST)
def delete(id: str) -> AnyResponse:
    """Ask before a study is deleted; on POST, delete it."""
    if request.method == "POST":
        act("ecosphere_study_delete", id=id)
        tk.h.flash_success(tk._("The study is deleted."))
        return tk.redirect_to("ecosphere_studies.index")
    tk.check_access("ecosphere_study_delete", context(), {"id": id})
    study = store.get(id)
    title = ""
    if store.role(study, tk.current_user.id):
        title = study.title
    return rendered("ecosphere_studies/delete.html", id=study.id, title=title)


@ecosphere_studies.post("/etudes/<id>/membres")
def member_add(id: str) -> AnyResponse:
    """Share a study with an account."""
    form = Form("username", "may_write")
    if form.sends("ecosphere_study_member_add", id=id):
        return to_settings(id)
    return _settings_page(form, id)


@ecosphere_studies.post("/etudes/<id>/membres/retirer")
def member_remove(id: str) -> AnyResponse:
    """Take a study away from a member, revoke a link, or leave a study."""
    member = request.form.get("member", "")
    own = store.member_of(id, tk.current_user.id)
    is_leaving = own is not None and own.id == member
    act("ecosphere_study_member_remove", id=id, member=member)
    if is_leaving:
        return tk.redirect_to("ecosphere_studies.index")
    return to_settings(id)


@ecosphere_studies.post("/etudes/<id>/lien")
def link_create(id: str) -> Response:
    """Make a secret link, and show it this once."""
    form = Form("may_write")
    link = ""
    if form.sends("ecosphere_study_link_create", id=id):
        link = form.result["url"]
    return _settings_page(form, id, link)


@ecosphere_studies.route("/etudes/invitation/<token>", methods=GET_POST)
def invited(token: str) -> AnyResponse:
    """Ask before a link is used (some programs follow links); on POST, enter the study."""
    if request.method == "POST":
        return to_study(act("ecosphere_study_link_open", token=token)["id"])
    row = store.link(token)
    if row is None:
        model.Session.rollback()
        message = tk._("This link is used, too old or not complete: ask for another.")
        raise tk.ObjectNotFound(message)
    title = store.get(row.study_id).title
    model.Session.rollback()
    return rendered("ecosphere_studies/invited.html", token=token, title=title)


# --- frames ---------------------------------------------------------------------------------------


@ecosphere_studies.route("/etudes/cadres")
def frame_list() -> Response:
    """Show the frames."""
    return rendered("ecosphere_studies/frames.html", frames=frames.frames(), may_edit=_may_edit())


def _may_edit(frame_id: str = "") -> bool:
    return bool(tk.h.check_access("ecosphere_study_frame_save", {"id": frame_id}))


@ecosphere_studies.route("/etudes/cadres/<id>")
def frame_read(id: str) -> Response:
    """Show a frame: its needs, its sources, and how it differs from
    the frame that it inherits from.
    """
    frame = frames.get(id)
    parent = frames.frame(frame.inherits)
    difference = None
    if parent is not None:
        difference = frames.difference(frame, parent)
    return rendered(
        "ecosphere_studies/frame.html",
        frame=frame,
        parent=parent,
        difference=difference,
        versions=frames.versions(id),
        may_copy=_may_edit(),
        may_change=frame.version > 0 and _may_edit(id),
    )


@ecosphere_studies.route("/etudes/cadres/<id>/copier", methods=GET_POST)
def frame_copy(id: str) -> AnyResponse:
    """Show the editor of a frame that inherits from another one, or create it."""
    parent = frames.get(id)
    return _frame_editor(parent, "", frames.derived(parent))


@ecosphere_studies.route("/etudes/cadres/<id>/modifier", methods=GET_POST)
def frame_edit(id: str) -> AnyResponse:
    """Show the editor of a frame of the portal, or store its next version."""
    frame = frames.get(id)
    if not frame.version:
        tk.check_access("ecosphere_study_frame_save", context(), {"id": id})
        raise tk.ObjectNotFound(tk._("There is no such frame of the portal."))
    return _frame_editor(frame, id, frames.content_of(frame))


def _frame_editor(frame: frames.Frame, id_: str, content: Any) -> AnyResponse:
    tk.check_access("ecosphere_study_frame_save", context(), {"id": id_})
    form = Form(content=frames.written(content))
    if form.sends("ecosphere_study_frame_save", id=id_):
        tk.h.flash_success(tk._("The frame is saved."))
        return tk.redirect_to("ecosphere_studies.frame_read", id=form.result["id"])
    needs = sorted(frames.needs().values(), key=lambda need: need.id)
    return form.page("ecosphere_studies/frame_edit.html", frame=frame, changed=id_, needs=needs)


@ecosphere_studies.route("/etudes/statistiques")
def statistics() -> Response:
    """Show which data studies lack most, to the ministry."""
    return rendered("ecosphere_studies/statistics.html", rows=act("ecosphere_study_missing_stats"))
