"""Attack: CSV injection, i.e. cells that a spreadsheet would evaluate, in every CSV of the portal."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from typing import Any

from dev.attack.client import Answer
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

ACTIVE = tuple("=+-@\t\r")
#: Characters that spreadsheets strip before they look at the first one.
LOOSE = " \"';\u00a0\u200b\ufeff\n"
MARK = "ATTAQUE"


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Write formulas into titles and names, then fetch each CSV."""
    lines = table("formulas")
    editor, victim, site = stage.people["editor"], stage.people["victim"], stage.people["sysadmin"]
    base = site.action("package_show", id=stage.objects["dataset"]).result or {}
    for number, formula in enumerate(lines["formulas"]):
        fields = {key: value for key, value in base.items() if key in lines["kept"]}
        fields |= {"name": f"attack-formula-{number}-{stage.objects['run']}", "title": formula}
        fields |= {"notes": formula, "resources": [{"url": "https://example.org/a.csv", "name": formula}]}
        fields["contact"] = [{"name": formula, "email": "a@guichet.example"}]
        editor.action("package_create", fields)
        victim.action("ecosphere_request_create", title=formula)
    site.action("organization_patch", id=stage.objects["service"], title=lines["formulas"][0])
    for person in ("nobody", "admin", "sysadmin"):
        client = stage.logged_in(person) if person != "nobody" else stage.people["nobody"]
        for path in stage.filled(lines["tables"]):
            yield from _cells(path, person, client.get(path))


def _cells(path: str, person: str, answer: Answer) -> Iterator[Outcome]:
    if answer.status != 200:
        return
    for delimiter in (",", ";"):
        dangerous = [cell for cell in _read(answer.body, delimiter) if MARK in cell and is_formula(cell)]
        what = f"cells of {path} as {person}, read with {delimiter!r}"
        yield Outcome(what, bool(dangerous), f"{len(dangerous)}, as {dangerous[:2]}" if dangerous else "")


def _read(text: str, delimiter: str) -> Iterator[Any]:
    csv.field_size_limit(10_000_000)
    for row in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter):
        yield from row


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would evaluate the cell: it starts with an active character, of any width."""
    if cell.startswith("'"):  # marks the cell as text
        return False
    begin = unicodedata.normalize("NFKC", cell.lstrip(LOOSE))[:1]
    return begin in ACTIVE and begin != ""


ATTACK = Attack("formulas", "No table that the portal gives holds a cell that a spreadsheet computes.", attempts)
