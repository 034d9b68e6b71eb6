"""Attack: requests that are cheap to send and expensive to answer."""

from __future__ import annotations

from collections.abc import Iterator

from dev.attack.client import Answer
from dev.attack.outcome import SLOWEST_SECONDS, Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

BROKEN = 500


def judged(what: str, answer: Answer) -> Outcome:
    """Judge an answer: it must come in time and not be an internal error."""
    slow, fault = answer.cost > SLOWEST_SECONDS, answer.status in (0, BROKEN)
    return Outcome(what[:200], slow or fault, f"{answer.cost:.1f} s, {answer.status}" if slow or fault else "")


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Send each request, restart the web server if one never returns, and check at the end that the portal answers."""
    lines = table("slow_questions")
    for line in lines["questions"]:
        ((person, question),) = line.items() if isinstance(line, dict) else (("nobody", line),)
        client = stage.people[person]
        headers = {"Authorization": client.token} if client.token else {}
        path = stage.filled(question)
        answer = client.get(path, headers=headers)
        yield judged(f"GET {path}", answer)
        if not answer.status:
            stage.revive()
    for line in lines["actions"]:
        ((name, data),) = line.items()
        answer = stage.people["nobody"].action(name, stage.filled(data))
        yield judged(f"{name} {str(data)[:120]}", answer)
        if not answer.status:
            stage.revive()
    yield judged("the portal answers afterwards", stage.people["nobody"].get("/api/3/action/status_show"))


ATTACK = Attack("slow_questions", "Every question of an outsider is answered within two seconds.", attempts)
