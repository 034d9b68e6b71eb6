"""Numbers and lists of high-value datasets, from the index with a fixed number of queries.

Only public datasets count: the regulation is about what is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.schemas.hvd import judging
from ckanext.ecosphere.schemas.logic.publication import label_of

PUBLIC = "+dataset_type:dataset +capacity:public"
DECLARED, PROBABLE = "declared", "probable"
FIELDS = {DECLARED: judging.DECLARED_FIELD, PROBABLE: judging.PROBABLE_FIELD}
A_PAGE, MOST_SERVICES = 20, 100


@dataclass(frozen=True)
class Asked:
    """What of the high-value datasets is asked for.

    Attributes:
        state: `DECLARED` or `PROBABLE`.
        lacks: a requirement that they do not meet, "" for all.
        service: name of the service, "" for all.
    """

    state: str = DECLARED
    lacks: str = ""
    service: str = ""

    def search(self) -> dict[str, Any]:
        """Return the parameters of `package_search`."""
        filters = [PUBLIC, f"+{FIELDS[self.state]}:[* TO *]"]
        if self.lacks:
            filters.append(f'+{judging.LACKING_FIELD}:"{self.lacks}"')
        if self.service:
            filters.append(f'+organization:"{self.service}"')
        return {"q": "", "fq": " ".join(filters)}


def counted(state: str, service: str) -> dict[str, Any]:
    """Return the numbers of datasets of a state: in all, by category, by what they lack, and by service.

    Returns:
        `count`, `categories` and `lacking` (id → number), and `services` (those with most datasets: name, title,
        number).
    """
    facets = [FIELDS[state], judging.LACKING_FIELD, "organization"]
    asked = {**Asked(state, "", service).search(), "rows": 0, "facet.field": facets, "facet.limit": MOST_SERVICES}
    found = tk.get_action("package_search")({}, asked)
    values = {name: found["search_facets"].get(name, {}).get("items", []) for name in facets}
    numbers = {name: {item["name"]: item["count"] for item in items} for name, items in values.items()}
    services = [
        {"name": item["name"], "title": item["display_name"], "number": item["count"]}
        for item in values["organization"]
    ]
    return {
        "count": found["count"],
        "categories": numbers[FIELDS[state]],
        "lacking": numbers[judging.LACKING_FIELD],
        "services": sorted(services, key=lambda each: (-each["number"], voc.normalise(each["title"]))),
    }


def listed(asked: Asked, page: int) -> tuple[int, list[dict[str, Any]]]:
    """Return the number of datasets asked for, and those of a page, each with its judgement (`told`)."""
    rows = {"rows": A_PAGE, "start": (page - 1) * A_PAGE, "sort": "title_string asc, id asc", "facet": "false"}
    found = tk.get_action("package_search")({}, {**asked.search(), **rows})
    return found["count"], [{"dataset": each, **told(each)} for each in found["results"]]


def told(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the judgement of a dataset in words of the page's language: `categories`, `reasons` and `lacking`."""
    said = judging.declared(dataset)
    why = judging.reasons(dataset)
    probable = list(dict.fromkeys(reason.category for reason in why))
    names = requirement_labels()
    return {
        "categories": [category_label(each) for each in said or probable],
        "reasons": [_sentence(reason) for reason in why],
        "lacking": [names[each] for each in judging.lacking(dataset, said or probable)],
    }


def _sentence(reason: judging.Reason) -> str:
    schema = tk.h.scheming_get_dataset_schema("dataset")
    label = label_of(tk.h.scheming_field_by_name(schema["dataset_fields"], reason.field))
    value = reason.label_fr if wording.page_language().startswith("fr") else reason.label_en
    message = tk._("{field} “{value}” (annex of the regulation, section {section})")
    return message.format(field=label, value=value, section=reason.section)


def category_label(category: str) -> str:
    """Return the label of a category in the language of the page, or its URI if the list lacks it."""
    return tk.h.ecosphere_concept_label(judging.CATEGORIES, category)


def requirement_labels() -> dict[str, str]:
    """Return what the regulation requires, in the language of the page."""
    return {
        "api": tk._("an API"),
        "bulk": tk._("a download of the whole data"),
        "licence": tk._("a licence as open as CC BY 4.0"),
        "contact": tk._("a contact"),
    }
