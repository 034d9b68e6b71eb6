"""Tables of access rights (`actions.csv`, `routes.csv`),
and the outcome that an answer stands for.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
PERSONAS = ("anonymous", "user", "other_editor", "editor", "admin", "moderator", "sysadmin")
FOUND = 302
#: HTTP status → outcome, as named in the tables.
OUTCOMES = {
    200: "done",
    201: "done",
    304: "done",
    400: "invalid",
    401: "refused",
    403: "refused",
    404: "absent",
    409: "invalid",
    413: "invalid",
    405: "absent",
}


@dataclass(frozen=True)
class Row:
    """A line of a table: action or route, case, and outcome for each persona."""

    name: str
    case: str
    method: str
    outcomes: dict[str, str]
    note: str

    @property
    def key(self) -> str:
        """Identifier of the line in tests and parameters."""
        return f"{self.method} {self.name} {self.case}".strip()


def read(name: str) -> list[Row]:
    """Return the lines of the table `actions` or `routes`."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [
            Row(
                line["name"],
                line["case"],
                line.get("method") or "",
                {persona: line[persona] for persona in PERSONAS},
                line["note"],
            )
            for line in csv.DictReader(file)
        ]


def parameters(name: str) -> dict[str, Any]:
    """Return the parameters for the lines of a table: key → parameters."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def outcome(answer: Any) -> str:
    """Return the outcome of an answer: done, login, refused, absent, invalid,
    or its status for any other.
    """
    if answer.status_code in (FOUND, 303):
        return "login" if "/user/login" in answer.headers["Location"] else "done"
    return OUTCOMES.get(answer.status_code, str(answer.status_code))


def printed(name: str) -> str:
    """Return a table as text."""
    rows = [
        ["", *PERSONAS, ""],
        *([row.key, *row.outcomes.values(), row.note] for row in read(name)),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    for each in ("actions", "routes"):
        print(f"{each.upper()}\n{printed(each)}\n")
