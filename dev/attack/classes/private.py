"""Attack: find private content in pages, searches, facets, counts, feeds, exports, suggestions and errors."""

from __future__ import annotations

from collections.abc import Iterator

from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

PEOPLE = ("nobody", "user", "rival")


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Request everything that lists or counts, and look for the secret word, which no request contains."""
    lines = table("private")
    for person in PEOPLE:
        client = stage.logged_in(person) if person != "nobody" else stage.people["nobody"]
        for line in lines["pages"]:
            path = stage.filled(line)
            answer = client.get(path, allow_redirects=True)
            yield _outcome(stage, f"GET {path} as {person}", answer.body)
        for line in lines["actions"]:
            ((name, data),) = line.items()
            answer = client.action(name, stage.filled(data))
            yield _outcome(stage, f"{name} {stage.filled(data)} as {person}", answer.body)
        for line in lines["counts"]:
            answer = client.action(line["action"], stage.filled(line["data"]))
            count = (answer.result or {}).get("count", 0)
            yield Outcome(f"count of {line} as {person}", bool(count), f"{count} counted" if count else "")
    for message in stage.mail():
        body = message.decode("utf-8", "replace")
        outsider = any(f"To: {stage.objects[person]}" in body for person in ("user", "rival"))
        if outsider:
            yield _outcome(stage, "an e-mail to an outsider", body)


def _outcome(stage: Stage, what: str, text: str) -> Outcome:
    position = text.find(stage.secret)
    around = text[max(0, position - 80) : position + 60].replace("\n", " ") if position >= 0 else ""
    return Outcome(what, position >= 0, around)


ATTACK = Attack("private", "Private datasets, requests, notes and names show nowhere to others.", attempts)
