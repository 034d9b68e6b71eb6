"""A deliberately vulnerable portal, on which each class of attacks must succeed, and one that
refuses everything.

Both answer over real HTTP. The vulnerable one accepts any input, shows it unescaped, fetches every
URL it reads, redirects anywhere, sets no security headers, takes every e-mail as a message, and
fails on odd values.
"""

from __future__ import annotations

import json
import random
import re
import time
import urllib.request
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ckanext.ecosphere.tests.scripted_server import Exchange
from dev.attack.client import Client
from dev.attack.hostile import Canaries, Hostile
from dev.attack.load import Load
from dev.attack.routes import Route
from dev.attack.stage import PEOPLE, Stage
from dev.attack.tables import FOLDER

SECRET = "zibelineabcdef"
SLOW_CHARACTERS, SLOW_SECONDS = 1500, 0.1
ADDRESS = re.compile(r"https?://[^\s\"'<>\\]+")
WORD = re.compile(r"\{(\w+)\}")
#: Words of the tables that are no objects of the stage.
FILLED_LATER = (
    *(
        "line",
        "text",
        "first",
        "n",
        "address",
        "canary",
        "this",
        "this_name",
        "this_resource",
        "version",
        "files",
    ),
    *("random", "spelled", "reported", "mailbox", "crowded", "title", "urn", "distributions"),
)
GOOD_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'",
}


class WeakPortal:
    """Script of the vulnerable portal's server."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, exchange: Exchange) -> None:
        sent = unquote(exchange.body.decode("utf-8", "replace").replace("+", " "))
        if sent:
            self.texts.append(sent)
            self._fetch(sent)
        path, query = urlsplit(exchange.path).path, dict(parse_qsl(urlsplit(exchange.path).query))
        if len(exchange.path) + len(sent) > SLOW_CHARACTERS:
            time.sleep(SLOW_SECONDS)
        if "%00" in exchange.path or "\0" in sent:
            exchange.answer("Internal Server Error", 500)
        elif path.startswith("/api/3/action/"):
            exchange.answer(
                json.dumps({"success": True, "result": self._result()}),
                Content_Type="application/json",
            )
        elif query.get("next") or query.get("came_from"):
            exchange.answer("", 302, Location=query.get("next") or query["came_from"])
        elif path.endswith(".csv"):
            exchange.answer("title\n" + "\n".join(self._titles()), Content_Type="text/csv")
        else:
            shown = f"attack-user attack-victim {SECRET} {''.join(self.texts)}"
            exchange.answer(
                f"<html>{shown}",
                Content_Type="text/html",
                Set_Cookie="ckan=abc; Path=/",
                Server="Weak/1.0",
            )

    def _titles(self) -> list[str]:
        return [
            str(json.loads(text).get("title"))
            for text in self.texts
            if text.startswith("{") and "title" in text
        ]

    def _result(self) -> dict[str, Any]:
        said = {
            "comments": [{"text": text[:1_000]} for text in self.texts],
            "members": [{"id": "x"}],
        }
        object_ = {
            "id": "x",
            "name": "x",
            "version": 1,
            "token": "t",
            "count": 3,
            "url": "/file.html",
        }
        return object_ | said | {"secret": SECRET}

    @staticmethod
    def _fetch(text: str) -> None:
        for address in ADDRESS.findall(text):
            if "canary" in address:
                with suppress(Exception):
                    urllib.request.urlopen(address, timeout=1).close()


def strict_portal(exchange: Exchange) -> None:
    """Refuse every request, with all security headers."""
    named = {name.replace("-", "_"): value for name, value in GOOD_HEADERS.items()}
    exchange.answer("no", 403, **named)


def staged(url: str, canaries: Canaries, hostile: Hostile, mail: list[bytes]) -> Stage:
    """Return a stage for a portal without preparation: all users are known,
    every object has an invented name.
    """
    load = Load()
    people = {
        person: Client(url, load, name=f"attack-{person}", token="t")
        for person in ("nobody", "sysadmin", *PEOPLE)
    }
    words = {word for file in FOLDER.glob("*.yaml") for word in WORD.findall(file.read_text())}
    objects: dict[str, Any] = {
        word: word.replace("_", "-") for word in (words | set(PEOPLE)) - {"each", "payload"}
    }
    for word in FILLED_LATER:
        objects.pop(word, None)
    objects |= {"hostile": hostile.url, "url": url, "secret": SECRET, "run": "abc"}
    routes = (
        Route("/demandes/<id>/message", ("POST",), "x"),
        Route("/dataset/<id>", ("GET", "POST"), "y"),
    )
    routes += (Route("/connexion/code", ("GET", "POST"), "ecosphere_credentials.code"),)
    passwords = dict.fromkeys(people, "secret")

    def deliver(mails: list[bytes]) -> None:
        for content in mails:
            people["nobody"].send("POST", "/mail", data=content)

    return Stage(
        *(url, load, people, passwords, routes, canaries, hostile),
        mail=lambda: mail,
        random=random.Random(1),
        patience=0.2,
        services={"solr": 8983},
        deliver=deliver,
        secret=SECRET,
        objects=objects,
    )
