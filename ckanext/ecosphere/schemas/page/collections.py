"""Collections that use a dataset: CKAN groups of all types, and pages that cite it.

Groups are read from the database, since the search index keeps groups that were deleted or renamed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.page.addresses import ecosphere_address_text
from ckanext.ecosphere.shared.template_helpers import ecosphere_page_of

MOST_SHOWN, MOST_COUNTED = 8, 200

Dataset = Mapping[str, Any]


def of(dataset: Dataset) -> dict[str, Any]:
    """Return the collections and the pages that use a dataset.

    Args:
        dataset: the dataset, from `package_show`.

    Returns:
        ``groups`` (the first ones, with ``title`` and ``href``, which is "" for a type without pages), ``more`` (number
        of other groups) and ``pages`` (``title`` and ``href`` of the first pages that cite it).
    """
    groups = _groups(str(dataset["id"]))
    cited = [str(each) for each in as_list(dataset.get("is_referenced_by") or [])]
    return {
        "groups": [
            {"title": title, "href": ecosphere_page_of(kind, name)} for title, kind, name in groups[:MOST_SHOWN]
        ],
        "more": max(len(groups) - MOST_SHOWN, 0),
        "pages": [
            {"title": ecosphere_address_text(address, dataset), "href": address}
            for address in cited[:MOST_SHOWN]
            if urls.is_web_address(address)
        ],
    }


def _groups(dataset: str) -> list[tuple[str, str, str]]:
    """Return title, type and name of the active groups that contain a dataset."""
    group, member = model.Group, model.Member
    held = (
        sa.select(group.title, group.type, group.name)
        .join(member, member.group_id == group.id)
        .where(member.table_id == dataset, member.table_name == "package", member.state == "active")
        .where(group.state == "active", ~group.is_organization)
        .distinct()
        .order_by(group.title, group.name)
        .limit(MOST_COUNTED)
    )
    return [(title or name, kind, name) for title, kind, name in model.Session.execute(held)]
