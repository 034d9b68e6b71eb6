"""Requests made from a need of a study, through the actions of the data requests, with the person's own rights.

The site is never sent: a request names the département or région. Of restricted data, its purpose, its duration and an
undertaking are part of the text; a rectangle around the site goes with it only if the owner of the study sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import authorization, dates, language
from ckanext.ecosphere.studies import frames, shown, store
from ckanext.ecosphere.studies.model import Study, StudyNeed

CREATE = "ecosphere_request_create"
#: Texts of the form.
FIELDS = (
    "title",
    "description",
    "theme",
    "territory",
    "procedure",
    "visibility",
    "dataset",
    "purpose",
    "until",
)


@dataclass(frozen=True)
class Asked:
    """What a person asks for.

    Attributes:
        title, description: of the request.
        theme, territory: ids of the vocabularies, "" for none.
        procedure: reference of the procedure, "" for none.
        visibility: public or private.
        dataset: id of a restricted dataset to which access is asked, "" for data that nobody publishes.
        purpose, until: of restricted data: what for, and until which day.
        undertakes: whether the person undertakes to use them for this alone.
        with_area: whether a rectangle around the site is sent.
    """

    title: str
    description: str
    theme: str = ""
    territory: str = ""
    procedure: str = ""
    visibility: str = "private"
    dataset: str = ""
    purpose: str = ""
    until: date | None = None
    undertakes: bool = False
    with_area: bool = False


def prefilled(study: Study, row: StudyNeed) -> dict[str, str]:
    """Return what the form of a request begins with: title, text, theme, territory."""
    label = frames.in_language(row.need.get("label") or {}, language.current())
    territory = next(iter(study.territories), "")
    place = voc.get("territories").label(territory, language.current())
    title = label
    if place:
        title = tk._("{need} – {place}").format(need=label, place=place)
    themes = [str(theme) for theme in row.need.get("themes") or []]
    return {
        "title": title,
        "description": _text(row, label),
        "theme": next(iter(themes), ""),
        "territory": territory,
        "visibility": "private",
    }


def _text(row: StudyNeed, label: str) -> str:
    need = row.need
    lines = [tk._("For a regulatory study, I need these data: {need}.").format(need=label)]
    why = frames.in_language(need.get("why") or {}, language.current())
    if why:
        lines.append(tk._("Why: {reason}").format(reason=why))
    if need.get("scale"):
        scale = tk.h.localised_number(need["scale"])
        lines.append(tk._("Wanted scale: 1/{number} or finer.").format(number=scale))
    if need.get("age"):
        lines.append(tk._("Not older than {number} years.").format(number=need["age"]))
    lines.append(tk._("The catalogue was searched, and nothing that fits was found."))
    return "\n\n".join(lines)


def ask(study: Study, row: StudyNeed, asked: Asked, context: Any) -> dict[str, Any]:
    """Make the draft of a request for a need; the person looks through it and sends it on the page of requests.

    Returns:
        the draft, as `ecosphere_request_show` returns it.

    Raises:
        NotFound: the portal has no data requests.
        ValidationError: what is wrong, by field; or a request for the need is still open.
    """
    if not tk.h.plugin_loaded("ecosphere_requests"):
        raise tk.ObjectNotFound(tk._("This portal takes no data requests."))
    if shown.is_pending(shown.request_of(row, context)):
        message = tk._("A request for this need is still open: wait for its answer.")
        raise tk.ValidationError({"title": [message]})
    data: dict[str, Any] = {
        "title": asked.title,
        "description": _composed(asked),
        "visibility": asked.visibility,
    }
    for name in ("theme", "territory"):
        if getattr(asked, name):
            data[name] = getattr(asked, name)
    if asked.procedure:
        data["procedure_reference"] = asked.procedure
    if asked.dataset:
        data |= {"kind": "access", "dataset": asked.dataset}
    if asked.with_area:
        data["bbox"] = list(store.site_of(study).box)
    draft = tk.get_action(CREATE)(authorization.same_person(context), data)
    row.request_id = draft["id"]
    store.touch(study)
    return draft


def _composed(asked: Asked) -> str:
    parts = [asked.description]
    if asked.purpose:
        parts.append(tk._("Purpose: {purpose}").format(purpose=asked.purpose))
    if asked.until:
        parts.append(tk._("Used until {date}.").format(date=dates.day(asked.until)))
    if asked.undertakes:
        parts.append(undertaking())
    return "\n\n".join(part for part in parts if part)


def undertaking() -> str:
    """Return what a person undertakes who asks for restricted data."""
    return tk._(
        "I undertake to use these data for this study alone, not to hand them on, and to delete "
        "them at the end of this period."
    )
