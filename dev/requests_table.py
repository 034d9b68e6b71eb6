"""Writes the table of transitions in `docs/requests.md` from the code, so that it cannot drift.

python -m dev.requests_table            # write it
python -m dev.requests_table --check    # exit 1 when the page is not what the code says
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ckanext.ecosphere.data_requests.domain.states import table_of_transitions

TARGET = Path(__file__).parents[1] / "docs" / "requests.md"
MARKS = re.compile(r"(<!-- transitions -->\n).*?(<!-- /transitions -->)", re.DOTALL)


def render(page: str) -> str:
    """Put the table in its place in `page`."""
    if not MARKS.search(page):
        raise SystemExit(f"{TARGET} has no place for the table")
    return MARKS.sub(lambda found: f"{found.group(1)}{table_of_transitions()}\n{found.group(2)}", page)


def main() -> int:
    """Write the table, or compare it with `--check`."""
    page = TARGET.read_text(encoding="utf-8")
    text = render(page)
    if "--check" in sys.argv:
        return int(text != page)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
