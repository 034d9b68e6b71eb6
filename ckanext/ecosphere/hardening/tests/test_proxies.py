"""Client address behind proxies: taken from the headers of trusted proxies only,
otherwise from the connection.
"""

from __future__ import annotations

import ipaddress
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from ckanext.ecosphere.hardening.web import proxies

PERSON, LIAR = "203.0.113.7", "198.51.100.66"


class Quiet(WSGIRequestHandler):
    """Request handler without logging."""

    def log_message(self, *_: Any) -> None:
        """Do nothing."""

    def address_string(self) -> str:
        """Return the address without a DNS look-up."""
        return self.client_address[0]


def told(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with the client address as CKAN determines it, both ways, and the scheme."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    ckans = environ.get("HTTP_X_FORWARDED_FOR", "") or environ["REMOTE_ADDR"]
    return [f"{environ['REMOTE_ADDR']} {ckans} {environ['wsgi.url_scheme']}".encode()]


@pytest.fixture
def portal_behind() -> Iterator[Any]:
    """Serve `told` behind the middleware, directly and behind a proxy that
    appends its caller as proxies do.
    """
    servers = []

    def serve(option: str) -> tuple[str, str]:
        application = proxies.ClientAddress(told, proxies.parse_trusted(option))
        portal = make_server("127.0.0.1", 0, application, handler_class=Quiet)
        direct = f"http://127.0.0.1:{portal.server_port}/"

        class Proxy(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                chain = ", ".join(filter(None, [self.headers.get("X-Forwarded-For"), PERSON]))
                headers = {"X-Forwarded-For": chain, "X-Forwarded-Proto": "https"}
                with urllib.request.urlopen(
                    urllib.request.Request(direct, headers=headers), timeout=5
                ) as answer:
                    body = answer.read()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        proxy = HTTPServer(("127.0.0.1", 0), Proxy)
        for server in (portal, proxy):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.append(server)
        return direct, f"http://127.0.0.1:{proxy.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(url: str, forwarded: str = "") -> list[str]:
    """Return the client address as seen by us and by CKAN, and the scheme."""
    headers = {"X-Forwarded-For": forwarded, "X-Real-IP": forwarded} if forwarded else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return answer.read().decode().split(" ")


def test_nobody_is_believed_without_configuration(portal_behind: Any):
    direct, proxied = portal_behind("")
    assert ask(direct, LIAR) == ask(proxied, LIAR) == ["127.0.0.1", "127.0.0.1", "http"]


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("option", ["1", "127.0.0.0/8", "127.0.0.1 10.0.0.0/8, fd00::/8"])
def test_trusted_proxy_is_believed_and_its_callers_are_not(portal_behind: Any, option: str):
    _direct, proxied = portal_behind(option)
    assert ask(proxied) == ask(proxied, LIAR) == [PERSON, PERSON, "https"]


def test_connection_from_elsewhere_is_not_believed(portal_behind: Any):
    direct, _proxied = portal_behind("10.0.0.0/8")
    assert ask(direct, LIAR) == ["127.0.0.1", "127.0.0.1", "http"]


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        (f"{PERSON}, 10.0.0.5", PERSON),
        (f"{LIAR}, {PERSON}, 10.0.0.5, 10.0.0.6", PERSON),
        ("10.0.0.5", "10.0.0.5"),
        (f"{LIAR}, nonsense, 10.0.0.5", "10.0.0.5"),
        ("", "10.0.0.1"),
        ("2001:db8::7, 10.0.0.5", "2001:db8::7"),
    ],
)
def test_chain_is_walked_to_the_first_address_that_is_no_proxy(chain: str, address: str):
    found = []

    def application(environ: dict[str, Any], _start: Any) -> list[bytes]:
        found.append(environ["REMOTE_ADDR"])
        return []

    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": chain, "wsgi.url_scheme": "http"}
    proxies.ClientAddress(application, proxies.parse_trusted("10.0.0.0/8"))(environ, None)
    assert found == [address]


@pytest.mark.parametrize("text", ["eleven", "99", "10.0.0.0/99", "proxy.example.org"])
def test_option_that_names_no_proxy_is_refused(text: str):
    with pytest.raises(ValueError, match=text.split("/", 1)[0]):
        proxies.parse_trusted(text)


def test_option_is_read():
    assert proxies.parse_trusted("2") == proxies.Trusted(hops=2)
    assert proxies.parse_trusted("10.1.2.3/8").networks == (ipaddress.ip_network("10.0.0.0/8"),)
    assert not proxies.parse_trusted("0")
