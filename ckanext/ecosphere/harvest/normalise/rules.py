"""The ordered list of rules, and the function that applies them.

Later rules build on the results of earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable

from ckanext.ecosphere.harvest.normalise.codes import (
    languages,
    representation,
    resource_type,
    status,
    topic_categories,
)
from ckanext.ecosphere.harvest.normalise.constraints import constraints, restriction_codes
from ckanext.ecosphere.harvest.normalise.contacts import contacts, organisation
from ckanext.ecosphere.harvest.normalise.dates import dates, frequency, metadata_date, periods
from ckanext.ecosphere.harvest.normalise.draft import Context, Draft, Result, without_empty
from ckanext.ecosphere.harvest.normalise.extent import boxes
from ckanext.ecosphere.harvest.normalise.identity import (
    identifiers,
    provenance_of_record,
    relations,
)
from ckanext.ecosphere.harvest.normalise.information import (
    as_published,
    other_information,
    profile_fields,
    provenance_of_published,
    what_is_left,
    within_bounds,
)
from ckanext.ecosphere.harvest.normalise.reference import (
    conformity,
    quality_measures,
    reference_systems,
    resolution,
    scale,
)
from ckanext.ecosphere.harvest.normalise.resources import links, preview
from ckanext.ecosphere.harvest.normalise.territory import territory
from ckanext.ecosphere.harvest.normalise.texts import (
    alternate_titles,
    description,
    lineage,
    texts_without_a_place,
    title,
    translations,
    version,
)
from ckanext.ecosphere.harvest.normalise.themes import eu_themes, inspire_themes, tags, themes
from ckanext.ecosphere.harvest.record import Record

RULES: dict[str, Callable[[Draft], None]] = {
    "title": title,
    "alternate-titles": alternate_titles,
    "description": description,
    "translations": translations,
    "lineage": lineage,
    "version": version,
    "identifiers": identifiers,
    "resource-type": resource_type,
    "relations": relations,
    "languages": languages,
    "status": status,
    "spatial-representation": representation,
    "dates": dates,
    "metadata-date": metadata_date,
    "periods": periods,
    "frequency": frequency,
    "organisation": organisation,
    "contacts": contacts,
    "boxes": boxes,
    "territory": territory,
    "topic-categories": topic_categories,
    "inspire-themes": inspire_themes,
    "themes": themes,
    "eu-themes": eu_themes,
    "constraints": constraints,
    "restriction-codes": restriction_codes,
    "tags": tags,
    "reference-systems": reference_systems,
    "scale": scale,
    "resolution": resolution,
    "conformity": conformity,
    "quality-measures": quality_measures,
    "links": links,
    "preview": preview,
    "record-provenance": provenance_of_record,
    "texts-without-a-place": texts_without_a_place,
    "profile-fields": profile_fields,
    "what-is-left": what_is_left,
    "other-information": other_information,
    "within-bounds": within_bounds,
}


PUBLISHED: dict[str, Callable[[Draft], None]] = {
    "profile-fields": as_published,
    "organisation": organisation,
    "record-provenance": provenance_of_published,
    "within-bounds": within_bounds,
}
"""Rules for datasets that another portal of this suite published: nothing is guessed or left."""


def normalise(record: Record, context: Context) -> Result:
    """Convert a record to a dataset.

    Args:
        record: as read; it is not changed.
        context: properties of its source.

    Raises:
        RecordError: the record has nothing to make a dataset from.
    """
    draft = Draft.of(record, context)
    rules = RULES
    if record.published:
        rules = PUBLISHED
    for name, rule in rules.items():
        draft.rule = name
        rule(draft)
    dataset = without_empty(draft.dataset)
    return Result(
        dataset=dataset,
        organisation=dataset.get("owner_org"),
        log=draft.log,
        problems=draft.problems,
        unread=draft.unread,
        members=draft.members,
    )
