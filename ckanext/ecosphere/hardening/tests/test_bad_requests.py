"""Malformed or oversized requests are refused with a message,
never with an internal server error.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.shared.tests.conftest import error_type

Visitor = Callable[..., FlaskClient]
GARBLED = "characters that cannot be read"


@pytest.mark.few(4, "values")
@pytest.mark.parametrize(
    "address",
    [
        "/dataset/%00",
        "/dataset/zones%00humides/qualite",
        "/dataset/?q=%00",
        "/dataset/?q=%C3%28",
        "/dataset/?%00=1",
        "/demandes?q=a%00b",
        "/demandes/%00",
        "/organization/%00",
        "/recherche/suggestions?q=%00",
        "/user/%00",
        "/fr/dataset/?q=%ED%A0%80",
        "/catalogue.csv?organization=%00",
        "/uploads/group/%00.png",
    ],
)
def test_garbled_address_is_refused(visitor: Visitor, address: str):
    answer = visitor().open(address)
    assert answer.status_code == 400
    if not address.startswith("/fr/"):
        assert GARBLED in answer.get_data(as_text=True)


def test_path_that_is_no_utf8_is_refused(visitor: Visitor):
    answer = visitor().get("/dataset/x", environ_overrides={"PATH_INFO": "/dataset/\xff\xfe"})
    assert (answer.status_code, GARBLED in answer.get_data(as_text=True)) == (400, True)


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    "address", ["/dataset/?q=%C3%A9t%C3%A9", "/dataset/?q=%F0%9F%8C%8A", "/dataset/?q=%25%2B"]
)
def test_address_in_utf8_is_answered(visitor: Visitor, address: str):
    assert visitor().get(address).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"data": b"login=%00&password=x", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"login=%FF&password=x", "content_type": "application/x-www-form-urlencoded"},
        {"data": {"login": "a\x00b", "password": "x"}, "content_type": "multipart/form-data"},
    ],
)
def test_garbled_form_is_refused(visitor: Visitor, sent: dict[str, Any]):
    answer = visitor().post("/user/login", **sent)
    assert (answer.status_code, GARBLED in answer.get_data(as_text=True)) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "a\\u0000b"}',
        b'{"a\\u0000": 1}',
        b'{"id": ["\\ud800"]}',
        b'{"id": "\xff"}',
        b'{"id": "\x00"}',
    ],
)
def test_garbled_json_is_refused(visitor: Visitor, body: bytes):
    headers = {"Authorization": factories.APIToken(user="boss")["token"]}
    answer = visitor().post(
        "/api/3/action/package_create", data=body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 400
    assert error_type(answer) == "Bad Request"


def test_garbled_json_in_a_form_is_refused(visitor: Visitor):
    body = {"data": b'{"q": "a\\u0000b"}', "content_type": "application/x-www-form-urlencoded"}
    assert visitor().post("/api/3/action/package_search", **body).status_code == 400


def test_json_with_pairs_and_escaped_backslashes_is_taken(visitor: Visitor):
    body = b'{"q": "\\ud83c\\udf0a C:\\\\u0000"}'
    answer = visitor().post(
        "/api/3/action/package_search", data=body, content_type="application/json"
    )
    assert answer.status_code == 200


def test_large_form_is_refused(visitor: Visitor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(tk.config, "ecosphere.web.form_megabytes", 1)
    text = "x" * (1024 * 1024 + 1)
    answer = visitor().post("/user/login", data={"login": text})
    assert answer.status_code == 413
    assert "too large" in answer.get_data(as_text=True)
    answer = visitor().post("/api/3/action/package_search", json={"q": text})
    assert (answer.status_code, error_type(answer)) == (413, "Request Too Large")
    parts = {"data": {"login": text}, "content_type": "multipart/form-data"}
    assert visitor().post("/user/login", **parts).status_code == 413


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_form_with_endless_fields_is_refused_quickly(visitor: Visitor, kind: str):
    client = visitor()
    client.get("/about")
    before = time.process_time()
    if kind.startswith("multipart"):
        answer = client.post(
            "/user/login", data={f"f{n}": "" for n in range(5000)}, content_type=kind
        )
    else:
        answer = client.post("/user/login", data=b"a&" * 4_000_000, content_type=kind)
    assert answer.status_code == 413
    assert time.process_time() - before < 2


def test_address_with_endless_fields_is_refused(visitor: Visitor):
    assert visitor().get("/dataset/?" + "a&" * 3000).status_code == 413
