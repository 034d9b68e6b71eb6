"""Template helpers of data requests, with the prefix `ecosphere_request_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ckan.plugins.toolkit as tk
from babel.numbers import format_decimal
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from markupsafe import Markup

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core.pages import act
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import people, places, wording
from ckanext.ecosphere.data_requests.model import ASSIGNED, ESCALATED
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.data_requests.views import ask
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates, language, once, rich_text, template_helpers

#: Icons and colours (`data/looks.yaml`).
LOOKS = law.read("looks.yaml")
VOCABULARIES = {"territory": "territories", "theme": "themes"}
#: Field of the form → facet of the dataset search that fills it.
SEARCH_FILTERS = {
    "territory": "vocab_ecosphere_territory",
    "theme": "vocab_ecosphere_theme",
    "organization": "organization",
}

SUMMARY = 280
NEWS = 5


#: Helpers that are functions of other modules.
ecosphere_request_date = dates.day
ecosphere_request_time = dates.moment
ecosphere_request_uses = wording.use_choices


def ecosphere_request_commission() -> Row:
    """Return the commission (CADA), where remedies start: name, short, address, website."""
    return law.remedies()["commission"]


def ecosphere_request_look(state: str) -> dict[str, str]:
    """Return the `icon` and the `family` of colours of a state."""
    icon, family = LOOKS["states"].get(state, ("circle", "closed"))
    return {"icon": icon, "family": family}


def ecosphere_request_event_icon(event: Row) -> str:
    """Return the icon of a line of the history."""
    return LOOKS["steps"].get(event["transition"]) or ecosphere_request_look(event["to"])["icon"]


def ecosphere_request_today() -> str:
    """Return the current date in Paris in ISO 8601, for the minimum of date inputs."""
    return dates.today().isoformat()


def ecosphere_request_number(value: float | None) -> str:
    """Return a number formatted for the reader's language, a dash for None."""
    if value is None:
        return "–"
    return format_decimal(value, "#,##0.#", locale=language.current())


def ecosphere_request_share(value: float | None) -> str:
    """Return a share (0 to 1) in per cent, a dash for None."""
    if value is None:
        return "–"
    return f"{format_decimal(value * 100, '#,##0', locale=language.current())}\u202f%"


def ecosphere_request_clock(request: Row) -> dict[str, str] | None:
    """Return the remaining time for a page: `state`, `icon`, `text`; None without a due date.

    Whether the law applies to a request is for the ministry to decide, so the text promises
    nothing.
    """
    clock = request["clock"]
    state, days_left = clock["state"], clock["days_left"]
    if days_left is None:
        return None
    day = dates.day(clock["due"])
    if state == "overdue":
        words = _("An answer was expected by {date}.").format(date=day)
        return {"state": state, "icon": "triangle-exclamation", "text": words}
    words = _("An answer is expected by {date}").format(date=day)
    if days_left == 0:
        words += _(" (today).")
    else:
        rest = tk.ungettext(" ({number} day left).", " ({number} days left).", days_left)
        words += rest.format(number=days_left)
    if clock["extended"]:
        words += " " + _("The period was extended.")
    icon = "hourglass-half" if state == "due_soon" else "clock"
    return {"state": state, "icon": icon, "text": words}


def ecosphere_request_short_clock(request: Row) -> dict[str, str] | None:
    """Return the remaining time in a few words, for lists."""
    clock = ecosphere_request_clock(request)
    if not clock:
        return None
    days_left = request["clock"]["days_left"]
    if days_left < 0:
        words = tk.ungettext("{number} day late", "{number} days late", -days_left)
    elif days_left == 0:
        words = _("Due today")
    else:
        words = tk.ungettext("{number} day left", "{number} days left", days_left)
    return {**clock, "text": words.format(number=abs(days_left))}


def ecosphere_request_facet_label(name: str, value: str) -> str:
    """Return the label of an active filter, or its value when it is unknown."""
    if name in VOCABULARIES:
        return (tk.h.ecosphere_labels(VOCABULARIES[name], value) or [value])[0]
    if name == "use":
        return wording.use(value) or value
    group = model.Group.get(value) if name == "organization" else None
    if group:
        return str(group.display_name)
    return value


def ecosphere_request_themes() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the themes for a select: (theme, [(id, label) of the theme
    itself and of its narrower ones]).
    """
    lang, themes = language.current(), voc.get("themes")
    groups = []
    for theme in themes.roots():
        concepts = (theme, *themes.children(theme.uri))
        choices = [(concept.id, concept.label(lang)) for concept in concepts]
        groups.append((theme.label(lang), choices))
    return groups


def ecosphere_request_systems() -> list[tuple[str, str]]:
    """Return the coordinate reference systems for a select: (id, label),
    in the order of the vocabulary.
    """
    return [(system.id, system.label(language.current())) for system in voc.get("epsg")]


def ecosphere_request_grounds(partial: bool = False) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the grounds of refusal for a select: (heading, [(id, label with articles)])."""
    headings = {
        law.DATA_KIND: _("Information on the environment"),
        law.SERVICE_KIND: _("Spatial data services"),
    }
    groups = []
    for kind, heading in headings.items():
        choices = [(ground.ground, wording.ground(ground.ground)) for ground in law.usable(kind)]
        groups.append((heading, choices))
    last = [(law.OTHER, _("Another ground"))]
    if partial:
        last.insert(0, (law.PART_NOT_HELD, _("The service does not hold this part")))
    return [*groups, (_("Other"), last)]


def ecosphere_request_ground_fields() -> dict[str, list[str]]:
    """Return the fields of a refusal that depend on its ground:
    id of the ground → those that apply to it.
    """
    fields = {law.OTHER: ["other_ground", "kind", "emissions", "separable"], law.PART_NOT_HELD: []}
    for ground in law.usable(law.DATA_KIND):
        fields[ground.ground] = ["emissions", "separable"]
        if ground.needs == "completion":
            fields[ground.ground].append("completion")
    for ground in law.usable(law.SERVICE_KIND):
        fields[ground.ground] = ["kind", "separable"]
    for key in law.interests():
        if key in fields:
            fields[key].append("balance")
    return fields


def ecosphere_request_privacy() -> DataDict:
    """Return data of the privacy notice: `ground`, `authority`, `website`, `months` of retention,
    `article`.
    """
    spoken, remedies = language.of_tables(), law.remedies()
    privacy = remedies["privacy"]
    return {
        "ground": privacy["ground"][spoken],
        "authority": privacy["authority"][spoken],
        "website": privacy["website"],
        "months": config.anonymise_months(),
        "article": remedies["no_interest"]["article"][spoken],
    }


def ecosphere_request_services() -> list[dict[str, str]]:
    """Return the active organisations: `id`, `name`, `title`, in alphabetical order."""
    return [people.service_dict(group) for group in places.services()]


def ecosphere_request_titles(typed: Any) -> dict[str, str]:
    """Return the titles of the datasets in a field of a form: name → title."""
    return ask.dataset_titles(typed)


def ecosphere_request_unreachable() -> list[str]:
    """Return the ids of the services that no request can reach, for want of editors and mailbox."""
    return [group.id for group in places.unreachable()]


def ecosphere_request_new_url(
    query: str | None, filters: Mapping[str, Sequence[str]] | None
) -> str:
    """Return the URL of a new request prefilled with a search for datasets.

    Args:
        query: the words of the search.
        filters: facet field → active values, as on CKAN's search page.
    """
    filled = {"title": query or ""}
    for name, facet in SEARCH_FILTERS.items():
        values = (filters or {}).get(facet)
        if values:
            filled[name] = values[-1]
    for name, value in template_helpers.filter_of_page().items():
        if name in SEARCH_FILTERS:
            filled[name] = value
    values = {name: value for name, value in filled.items() if value}
    return tk.h.url_for("ecosphere_requests.new", **values)


def ecosphere_request_event(event: Row, signal: bool = False) -> str:
    """Return what happened in a line of the history, in the past tense,
    unlike `transition_label`.
    """
    if event["transition"] in (ASSIGNED, ESCALATED):
        return _on_the_desk(event)
    return wording.message("events", event["transition"], signal=signal)


def _on_the_desk(event: Row) -> str:
    """Return what happened in an internal event."""
    fields = event["fields"]
    if event["transition"] == ESCALATED:
        return wording.message("escalations", fields["told"])
    if fields["instead_of"]:
        words = _("Assigned to {person}, who stands in for {absent}")
        return words.format(person=fields["assigned_to"], absent=fields["instead_of"])
    if fields["assigned_to"]:
        return _("Assigned to {person}").format(person=fields["assigned_to"])
    return _("Assigned to nobody in particular")


def ecosphere_request_field(name: str) -> str:
    """Return the label of a field of a request."""
    return wording.message("fields", name)


def ecosphere_request_plain(html: str | None) -> str:
    """Return HTML as plain text, shortened, for lists and feeds."""
    text = rich_text.plain(html or "")
    if len(text) <= SUMMARY:
        return text
    return text[:SUMMARY].rsplit(" ", 1)[0] + "…"


def ecosphere_request_summary(written: str | None) -> str:
    """Return the beginning of a Markdown text as plain text."""
    return rich_text.excerpt(written, SUMMARY)


def ecosphere_request_html(written: str | None) -> Markup:
    """Return a Markdown text as safe HTML."""
    return Markup(rich_text.to_html(written))  # noqa: S704 - cleaned by nh3


def ecosphere_request_of_dataset(package: Row) -> dict[str, list[Any]]:
    """Return the requests about a dataset, as `ecosphere_request_dataset_list` does."""
    try:
        return act("ecosphere_request_dataset_list", id=package["id"])
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return {"satisfied": [], "open": []}


def ecosphere_request_may_moderate() -> bool:
    """Return whether the current user moderates requests."""
    return bool(tk.h.check_access("ecosphere_request_list", {"scope": "moderation"}))


def ecosphere_request_may_desk(organization: Row) -> bool:
    """Return whether the current user may see the desk of a service."""
    return bool(tk.h.check_access("ecosphere_request_desk", {"organization": organization["id"]}))


def ecosphere_request_desks() -> list[dict[str, str]]:
    """Return the services whose desk the current user works on: `name`, `title`.

    None for sysadmins.
    """
    reader: Any = tk.current_user
    if not reader.is_authenticated or reader.sysadmin:
        return []
    services = tk.h.organizations_available("update_dataset")
    return [
        {"name": service["name"], "title": service.get("display_name") or service["name"]}
        for service in services
    ]


def ecosphere_request_outcome_rows(outcomes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return outcomes of requests as (label, number), the most frequent first."""
    rows = [(wording.state(state), number) for state, number in outcomes.items()]
    return sorted(rows, key=lambda row: -row[1])


def ecosphere_request_unseen() -> int:
    """Return the number of the current user's unseen notifications."""
    if not tk.current_user.is_authenticated:
        return 0
    reader = people.reader_of(model.Session.get(model.User, tk.current_user.id))
    return once.for_page("unseen requests", reader.id, lambda: outbox.unseen(reader))


def ecosphere_request_files() -> DataDict:
    """Return the accepted files: `types`, `accept` (for the input), `megabytes`.

    No types when files are disabled.
    """
    types = list(config.attachment_types()) if config.folder() else []
    accept = ",".join(f".{extension}" for extension in types)
    return {"types": types, "accept": accept, "megabytes": config.attachment_bytes() // 1024**2}


def ecosphere_request_news() -> DataDict:
    """Return the unseen ones of the current user's latest notifications as `results`,
    and the number `unseen`.
    """
    latest = act("ecosphere_request_notification_list", rows=NEWS)
    unseen = [notification for notification in latest["results"] if not notification["seen"]]
    return {"unseen": latest["unseen"], "results": unseen}
