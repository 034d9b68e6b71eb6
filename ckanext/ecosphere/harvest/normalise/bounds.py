"""Rule that cuts values to the limits of the schema and reports it, so that no record is lost for its length."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.shared import bounds, characters


def within_bounds(draft: Draft) -> None:
    """Cut texts and lists that are longer than the schema allows, and remove characters that no text may contain."""

    def report(field: str, length: int, limit: int, is_list: bool) -> None:
        if is_list:
            draft.too_many(field, length, limit)
        else:
            draft.problem("text-cut", element=field, length=length)
        unit = "values" if is_list else "characters"
        draft.change(field, f"{length} {unit}", f"{limit} {unit}")

    for name, value in list(draft.dataset.items()):
        draft.dataset[name] = bounds.cut(_clean(value), name, report)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if characters.is_clean(value) else characters.clean(value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return {key: _clean(each) for key, each in value.items()} if isinstance(value, dict) else value
