"""Ablation: a harvest worker that runs without one part of `fast_save`, to measure what that part gains.

Run as `python -m dev.bench.without PART INI` by `dev.bench.contest`. The part is replaced by CKAN's own way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def _rows() -> None:
    """Call `package_create` for each dataset."""
    from ckanext.ecosphere.harvest.write.bulk import Bulk

    Bulk.possible = staticmethod(lambda: False)


def _validation() -> None:
    """Call `plugin_validate` for each dataset, preparing the schema each time."""
    from ckan.lib import plugins as lib_plugins

    from ckanext.ecosphere.fast_save.validation import Validation

    def validate(
        _self: Validation, plugin: Any, context: Any, data: Any, schema: Any, action: str, _without: Any = ()
    ) -> Any:
        return lib_plugins.plugin_validate(plugin, context, data, schema, action)

    setattr(Validation, "validate", validate)  # noqa: B010 - its arguments are not used


def _documents() -> None:
    """Call `package_show` for each document."""
    from ckanext.ecosphere.fast_save.documents import Documents

    begin = Documents.__init__

    def one_by_one(self: Documents) -> None:
        begin(self)
        self._together = False

    Documents.__init__ = one_by_one


def _solr() -> None:
    """Send a request and a commit to Solr for each document."""
    from ckanext.ecosphere.fast_save import solr

    add = solr.add

    def each(documents: list[Any], *, commit: bool = True, within: int | None = None) -> None:
        for document in documents:
            add([document], commit=commit)

    solr.add = each


#: Part → function that leaves it out.
PARTS: dict[str, Callable[[], None]] = {
    "rows": _rows,
    "validation": _validation,
    "documents": _documents,
    "solr": _solr,
}


def main() -> None:
    """Run the `ckan` command without the part."""
    part, *arguments = sys.argv[1:]
    PARTS[part]()
    from ckan.cli.cli import ckan

    ckan(arguments)


if __name__ == "__main__":
    main()
