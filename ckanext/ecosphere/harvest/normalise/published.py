"""Rules for datasets that another portal of this suite published (`Record.published`): taken over as they are."""

from __future__ import annotations

from ckanext.ecosphere.harvest.normalise import tags
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.identity import provenance_of_record
from ckanext.ecosphere.harvest.normalise.profiled import CHECKS, checked

_OF_THE_PORTAL = {
    "author", "author_email", "catalog", "extras", "groups", "homepage", "id", "maintainer", "maintainer_email",
    "metadata_created", "metadata_modified", "organization", "owner_org", "private", "sample", "state", "type",
}  # fmt: skip
"""Fields that CKAN sets itself, or that ckanext-dcat reads besides those of the schema."""


def as_published(draft: Draft) -> None:
    """Take over the fields of the other portal; report values that this one does not know, as of a list it extended."""
    draft.dataset.clear()
    draft.unread.clear()
    for name, given in draft.record.fields.items():
        if name in _OF_THE_PORTAL:
            continue
        value = given
        if name in CHECKS:
            good = checked(name, given)
            value = good if isinstance(given, list) else "".join(good)
            if value != given:
                draft.lost(name, given)
        draft.set(name, value)
    free = draft.context.free_tags
    words = [each["name"] for each in draft.record.fields.get("tags") or ()]
    kept = [(free and tags.verbatim(word)) or tags.clean(word, free) for word in words]
    draft.set("tags", [{"name": word} for word in dict.fromkeys(filter(None, kept))])


def provenance_of_published(draft: Draft) -> None:
    """Keep the original record that the other portal names; without any, that portal has the original."""
    if not (draft.dataset.get("source_record") or draft.dataset.get("source_catalogue")):
        provenance_of_record(draft)
