"""Data requests of the demonstration, in different states."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

from .accounts import ADMIN
from .portal import ActionError, Portal
from .settings import DEV
from .shell import say

REQUESTS = DEV / "demo" / "requests.json"
_IN_DAYS = re.compile(r"\+(\d+)")


def ask(portal: Portal) -> None:
    """Create the requests of `dev/demo/requests.json` through the API, unless requests exist already.

    Args:
        portal: the portal, with the sysadmin's token.
    """
    if portal.call("ecosphere_request_list", rows=0)["count"]:
        return
    say("Asking for data")
    people = {ADMIN: portal}
    tokens: list[str] = []
    try:
        for entry in json.loads(REQUESTS.read_text()):
            for name in {entry["by"], *(step["as"] for step in entry["steps"])} - set(people):
                tokens.append(portal.call("api_token_create", user=name, name="demo")["token"])
                people[name] = Portal(tokens[-1])
            _play(people, entry)
    except ActionError as error:
        say(f"  {error}")
    finally:
        for token in tokens:
            portal.call("api_token_revoke", token=token)


def _play(people: dict[str, Portal], entry: dict[str, Any]) -> None:
    request = people[entry["by"]].call("ecosphere_request_create", **entry["fields"])
    for step in ({"as": entry["by"], "transition": "submit", "similar_seen": True}, *entry["steps"]):
        if step["transition"] == "accept" and request["state"] != "submitted":
            continue  # requests of trusted people are opened without moderation
        fields = {name: _date(value) for name, value in step.items() if name != "as"}
        actor = people[step["as"]]
        request = actor.call("ecosphere_request_transition", id=request["id"], version=request["version"], **fields)


def _date(value: Any) -> Any:
    """Convert a number of days from now ("+20") to a date; return any other value unchanged."""
    match = _IN_DAYS.fullmatch(value) if isinstance(value, str) else None
    return (date.today() + timedelta(days=int(match[1]))).isoformat() if match else value
