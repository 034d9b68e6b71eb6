"""Minimal runtime patches that make ckanext-spatial 2.3.2's CSW harvester run on CKAN 2.12.

1. `<?xml …?>` is never stripped from the record, because the pattern lacks the question mark; lxml
   then refuses the text, and the exception ends the consumer at the first record.
2. An unchanged record is passed to the index without `with_custom_schema`, and an assertion ends
   the consumer.
3. redis-py 8 has a read timeout of 5 s, which ends idle consumers (the Redis URL raises that
   limit).

Run as `python -m dev.bench.stock_patches CKAN.INI gather|fetch`: a consumer of ckanext-harvest with
these patches.
"""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace
from typing import Any

from dev.bench import portal

#: Pattern of the harvester → what is meant.
CORRECTED = {"<xml(.*)>": r"<\?xml(.*?)\?>"}


def apply() -> None:
    """Patch the harvester."""
    from ckan.lib.search.index import PackageSearchIndex
    from ckanext.spatial.harvesters import base, csw

    def sub(pattern: str, replacement: str, text: str, **options: Any) -> str:
        return re.sub(CORRECTED.get(pattern, pattern), replacement, text, **options)

    base.re = csw.re = SimpleNamespace(**{**vars(re), "sub": sub})  # type: ignore[attr-defined]
    original = PackageSearchIndex.index_package

    def index_package(self: Any, pkg_dict: dict[str, Any] | None, defer_commit: bool = False) -> None:
        if pkg_dict is not None and "with_custom_schema" not in pkg_dict:
            pkg_dict = {**pkg_dict, "with_custom_schema": pkg_dict}
        original(self, pkg_dict, defer_commit)

    PackageSearchIndex.index_package = index_package  # type: ignore[method-assign]


def main() -> None:
    """Run one consumer."""
    ini, which = sys.argv[1:]
    context = portal(ini)
    apply()
    from ckanext.harvest import utils

    with context:
        {"gather": utils.gather_consumer, "fetch": utils.fetch_consumer}[which]()


if __name__ == "__main__":
    main()
