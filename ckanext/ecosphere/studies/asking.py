"""Data requests made from a need of a study, with the person's own rights.

The outline of the site is never sent: a request names the département or région. The rectangle
around the site goes with it only if the owner of the study sends it. For restricted data, the text
of the request also says for what and until when they are used, and has an undertaking.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import authorization, dates, language
from ckanext.ecosphere.studies import frames, shown, store
from ckanext.ecosphere.studies.model import Study, StudyNeed

#: Action of the room of data requests.
CREATE = "ecosphere_request_create"
#: From today on, how long restricted data may be asked for.
LONGEST_USE = timedelta(days=10 * 365)


def prefilled(study: Study, row: StudyNeed) -> dict[str, str]:
    """Return what the form of a request for a need is filled in with.

    Returns:
        `title`, `description`, `theme`, `territory` (ids of the vocabularies), `visibility`.
    """
    label = frames.text_in(row.need.get("label"))
    territory = next(iter(study.territories), "")
    place = voc.get("territories").label(territory, language.current())
    title = label
    if place:
        title = tk._("{need} – {place}").format(need=label, place=place)
    themes = [str(theme) for theme in row.need.get("themes") or []]
    return {
        "title": title,
        "description": _description(row.need, label),
        "theme": next(iter(themes), ""),
        "territory": territory,
        "visibility": "private",
    }


def _description(need: Mapping[str, Any], label: str) -> str:
    """Return the text of a request for a need, a paragraph for each thing that is known of it."""
    lines = [tk._("For a regulatory study, I need these data: {need}.").format(need=label)]
    why = frames.text_in(need.get("why"))
    if why:
        lines.append(tk._("Why: {reason}").format(reason=why))
    if need.get("scale"):
        scale = tk.h.localised_number(need["scale"])
        lines.append(tk._("Wanted scale: 1/{number} or finer.").format(number=scale))
    if need.get("age"):
        lines.append(tk._("Not older than {number} years.").format(number=need["age"]))
    lines.append(tk._("The catalogue was searched, and nothing that fits was found."))
    return "\n\n".join(lines)


def draft_request(
    study: Study, row: StudyNeed, data: Mapping[str, Any], context: Any
) -> dict[str, Any]:
    """Make the draft of a request for a need, which the person sends from the page of requests.

    The caller commits.

    Args:
        row: the need; the draft is noted in it.
        data: validated parameters of `ecosphere_study_request`; what is not given is `prefilled`.

    Returns:
        the draft, as `ecosphere_request_show` returns it.

    Raises:
        NotFound: the portal has no data requests.
        ValidationError: what is wrong, by field; or a request for the need is still open.
    """
    errors = _errors(study, data, context)
    if errors:
        raise tk.ValidationError(errors)
    if not tk.h.plugin_loaded("ecosphere_requests"):
        raise tk.ObjectNotFound(tk._("This portal takes no data requests."))
    if shown.is_pending(shown.request_of(row, context)):
        message = tk._("A request for this need is still open: wait for its answer.")
        raise tk.ValidationError({"title": [message]})
    request = {name: data[name] for name in ("title", "visibility", "theme", "territory")}
    request["description"] = _whole_text(data)
    request["procedure_reference"] = data["procedure"]
    if data["dataset"]:
        request |= {"kind": "access", "dataset": data["dataset"]}
    if data["with_area"]:
        request["bbox"] = list(store.site_of(study).box)
    request = {name: value for name, value in request.items() if value}
    draft = tk.get_action(CREATE)(authorization.same_person(context), request)
    row.request_id = draft["id"]
    return draft


def _errors(study: Study, data: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Return what is wrong with parameters together, by parameter; each is valid alone."""
    errors: dict[str, Any] = {}
    person = authorization.person(context)
    if data["with_area"] and (person is None or study.owner_id != person.id):
        errors["with_area"] = [tk._("Only the owner of the study may send where it is.")]
    if data["dataset"] and not data["purpose"]:
        errors["purpose"] = [tk._("Missing value")]
    if data["dataset"] and not data["undertakes"]:
        errors["undertakes"] = [tk._("Restricted data are given to who undertakes this.")]
    today = dates.today()
    if "until" in data and not today <= data["until"].date() <= today + LONGEST_USE:
        errors["until"] = [tk._("Choose a day from today on, within ten years.")]
    return errors


def _whole_text(data: Mapping[str, Any]) -> str:
    """Return the text of a request; for restricted data, with purpose, end and undertaking."""
    parts = [data["description"]]
    if data["purpose"]:
        parts.append(tk._("Purpose: {purpose}").format(purpose=data["purpose"]))
    if "until" in data:
        parts.append(tk._("Used until {date}.").format(date=dates.day(data["until"].date())))
    if data["undertakes"]:
        parts.append(undertaking())
    return "\n\n".join(parts)


def undertaking() -> str:
    """Return what people undertake who ask for restricted data."""
    return tk._(
        "I undertake to use these data for this study alone, not to hand them on, and to delete "
        "them at the end of this period."
    )
