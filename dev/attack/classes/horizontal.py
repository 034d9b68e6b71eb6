"""Attack: horizontal privilege escalation, as users of another organisation, a member, or any account."""

from __future__ import annotations

from collections.abc import Iterator

from dev.attack.classes import calling
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

PEOPLE = ("user", "rival", "rival-admin", "member")


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Call the actions, open and post the pages, then check that nothing has changed."""
    calling.harvested(stage)
    before = _state(stage)
    yield from calling.calls(stage, PEOPLE)
    for person in PEOPLE:
        yield from _pages(stage, person)
    after = _state(stage)
    for name, value in before.items():
        changed = value != after[name]
        yield Outcome(f"{name} is as before", changed, f"{value} became {after[name]}"[:300] if changed else "")


def _pages(stage: Stage, person: str) -> Iterator[Outcome]:
    """Open the pages of the table; also post the form of those that change something."""
    client = stage.logged_in(person)
    for line in table("pages_of_others"):
        if calling.may(person, line.get("may")):
            continue
        for data in calling.spellings(stage, {"path": line["path"]}):
            path = data["path"]
            answer = client.get(path)
            if line.get("get", True):
                yield Outcome(f"GET {path} as {person}", not answer.refused, answer.short)
            if "post" in line:
                sent = client.post(path, stage.filled(line["post"]))
                through = not sent.refused and not line.get("by_state")
                yield Outcome(f"POST {path} as {person}", through, sent.short)


def _state(stage: Stage) -> dict[str, object]:
    """Return what must not change, read as a sysadmin."""
    site, words = stage.people["sysadmin"], stage.objects
    dataset = site.action("package_show", id=words["dataset"]).result or {}
    private = site.action("package_show", id=words["private_dataset"]).result or {}
    service = site.action("organization_show", id=words["service"], include_users=True).result or {}
    request = site.action("ecosphere_request_show", id=words["request"]).result or {}
    source = site.action("harvest_source_show", id=words["source"]).result or {}
    victim = site.action("user_show", id=words["victim"]).result or {}
    powers = [(site.action("user_show", id=words[person]).result or {}).get("sysadmin") for person in PEOPLE]
    return {
        "dataset": [dataset.get(key) for key in ("title", "notes", "state", "private", "owner_org", "num_resources")],
        "private dataset": [private.get(key) for key in ("title", "state", "private", "owner_org")],
        "service": [service.get("title"), service.get("state"), sorted(u["name"] for u in service.get("users", []))],
        "request": [request.get(key) for key in ("title", "description", "state", "organization", "assignee")],
        "source": [source.get(key) for key in ("title", "url", "state")],
        "administrators of the site": powers,
        "victim": [victim.get(key) for key in ("fullname", "email", "state", "sysadmin")],
    }


ATTACK = Attack("horizontal", "Nobody reads or changes what is another service's or another person's.", attempts)
