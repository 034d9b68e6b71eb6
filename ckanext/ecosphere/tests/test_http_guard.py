"""The HTTP guard: only public addresses are reachable,
and each request is limited in time and size.
"""

import gzip
import socket
import subprocess
import time
import tracemalloc
import zlib
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from ckanext.ecosphere.shared.http_guard import (
    Budget,
    FetchError,
    FetchRefusedError,
    GuardedSession,
    GuardSettings,
    StoppedError,
    checked_url,
    in_language,
    networks,
    permitted,
)
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

HERE = networks(["127.0.0.1"])


def session(resolver=socket.getaddrinfo, pauses=None, **settings) -> GuardedSession:
    """Return a session that may reach this machine, and that records
    its pauses instead of sleeping.
    """
    settings = {"allowed_networks": HERE, "attempts": 1, **settings}
    return GuardedSession(
        GuardSettings(**settings), resolver, sleep=(pauses if pauses is not None else []).append
    )


def answers(*ips):
    """Return a resolver that returns each of these addresses in turn,
    and then always the last one.
    """
    left = list(ips)

    def resolve(host, port, **_kwargs):
        ip = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (ip, port))]

    return resolve


# --- allowed addresses ---


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "::ffff:0:127.0.0.1",
        "fec0::1",
        "192.88.99.1",
        "5f00::1",
        "3fff::1",
        "2002:7f00:1::",
    ],
)
def test_a_private_or_reserved_address_is_not_permitted(ip):
    assert not permitted(ip)


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_a_public_address_is_permitted(ip):
    assert permitted(ip)


def test_a_private_network_is_permitted_when_it_is_allowed_also_in_disguise():
    allowed = networks(["10.0.0.0/8"])
    assert permitted("10.2.3.4", allowed)
    assert permitted("::ffff:10.2.3.4", allowed)
    assert not permitted("192.168.0.1", allowed)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.org/", "scheme"),
        ("ftp://example.org/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/plain,x", "scheme"),
        ("//example.org/", "scheme"),
        ("java\tscript:alert(1)", "bad-url"),
        ("http://example.org/a b", "bad-url"),
        ("http://example.org/\r\nHost: inside", "bad-url"),
        ("http://user:secret@example.org/", "bad-url"),
        ("http://", "bad-url"),
        ("http://[::1", "bad-url"),
    ],
)
def test_an_address_of_another_kind_is_refused_before_anything_is_resolved(url, code):
    with pytest.raises(FetchRefusedError) as refusal:
        checked_url(url)
    assert refusal.value.code == code
    assert "secret" not in str(refusal.value) or code == "bad-url"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "localhost"],
)
def test_this_machine_is_refused_in_every_spelling(host):
    with serve(lambda x: x.answer("inside")) as server:
        start = time.monotonic()
        with pytest.raises(FetchRefusedError) as refusal:
            session(allowed_networks=()).get(f"http://{host}:{server.server_port}/")
        assert refusal.value.code == "address"
        assert time.monotonic() - start < 4
        assert server.seen == []


def test_the_metadata_service_of_a_cloud_is_refused():
    with pytest.raises(FetchRefusedError):
        session(allowed_networks=()).get("http://169.254.169.254/latest/meta-data/")


def test_a_name_that_points_inside_at_its_second_resolution_gains_nothing():
    with serve(lambda x: x.answer("inside")) as server:
        resolver = answers(
            "203.0.113.9", "127.0.0.1"
        )  # TEST-NET-3: not routed, refused as reserved
        guarded = session(
            resolver, allowed_networks=networks(["203.0.113.0/24"]), connect_seconds=0.2
        )
        with pytest.raises(FetchError):
            guarded.get(f"http://rebind.example:{server.server_port}/")
        with pytest.raises(FetchRefusedError):
            guarded.get(f"http://rebind.example:{server.server_port}/")
        assert server.seen == []


def test_the_connection_goes_to_the_checked_address_and_asks_for_the_name():
    hosts = []

    def script(x: Exchange):
        hosts.append(x.headers["Host"])
        x.answer("ok")

    with serve(script) as server:
        answer = session(answers("127.0.0.1")).get(
            f"http://catalogue.example:{server.server_port}/a"
        )
        assert answer.body == b"ok"
        assert hosts == [f"catalogue.example:{server.server_port}"]


def test_a_redirect_inside_is_refused():
    with serve(lambda x: x.answer(status=302, Location="http://169.254.169.254/")) as server:
        with pytest.raises(FetchRefusedError) as refusal:
            session().get(server.url)
        assert refusal.value.params["ip"] == "169.254.169.254"


def test_a_redirect_to_another_host_than_those_that_may_be_asked_is_refused():
    with serve(lambda x: x.answer("inside"), host="127.0.0.2") as other:
        with serve(lambda x: x.answer(status=302, Location=other.url)) as server:
            guarded = session(
                allowed_hosts=frozenset(["127.0.0.1"]), allowed_networks=networks(["127.0.0.0/8"])
            )
            for url in (server.url, other.url):
                with pytest.raises(FetchRefusedError) as refusal:
                    guarded.get(url)
                assert refusal.value.params == {"host": "127.0.0.2"}
        assert other.seen == []


def test_a_redirect_to_a_file_is_refused():
    with serve(lambda x: x.answer(status=302, Location="file:///etc/passwd")) as server:
        with pytest.raises(FetchRefusedError) as refusal:
            session().get(server.url)
        assert refusal.value.code == "scheme"


@pytest.mark.parametrize("location", ["http://[", "//[a", "http://a]b/", "http://ex.org:99999999/"])
def test_a_redirect_to_no_address_is_refused(location):
    with serve(lambda x: x.answer(status=302, Location=location)) as server:
        with pytest.raises(FetchRefusedError) as refusal:
            session().get(server.url)
        assert refusal.value.code in ("bad-url", "scheme")


def test_redirects_are_followed_and_keep_the_question():
    def script(x: Exchange):
        if x.path == "/old":
            x.answer(status=301, Location="/new")
        else:
            x.answer(b"got " + x.body)

    with serve(script) as server:
        answer = session().request("POST", server.url + "/old", body=b"question")
        assert answer.body == b"got question"
        assert answer.url.endswith("/new")


def test_see_other_turns_the_question_into_a_get():
    def script(x: Exchange):
        if x.command == "POST":
            x.answer(status=303, Location="/result")
        else:
            x.answer(x.command)

    with serve(script) as server:
        assert session().request("POST", server.url, body=b"q").body == b"GET"


def test_a_loop_of_redirects_ends():
    with serve(lambda x: x.answer(status=302, Location=x.path)) as server:
        with pytest.raises(FetchRefusedError) as refusal:
            session().get(server.url + "/loop")
        assert refusal.value.code == "redirects"
        assert len(server.seen) == 6


def test_an_unknown_host_is_an_error_and_not_a_refusal():
    with pytest.raises(FetchError) as error:
        session().get("http://no-such-host.invalid/")
    assert error.value.code == "unknown-host"
    assert not error.value.refused


# --- limits of size ---


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)),
        ("gzip", gzip.compress(b"x" * 400, mtime=0) + gzip.compress(b"x" * 600, mtime=0)),
        ("deflate", zlib.compress(b"x" * 1000)),
        ("deflate", zlib.compress(b"x" * 1000)[2:-4]),
        ("identity", b"x" * 1000),
    ],
)
def test_a_compressed_answer_is_read(encoding, packed):
    with serve(lambda x: x.answer(packed, Content_Encoding=encoding)) as server:
        assert session().get(server.url).body == b"x" * 1000


def test_every_length_of_a_compressed_answer_is_read_whole():
    for size in (0, 1, 65535, 65536, 65537, 131072, 200_000):
        packed = gzip.compress(bytes(size))
        with serve(lambda x, packed=packed: x.answer(packed, Content_Encoding="gzip")) as server:
            assert len(session().get(server.url).body) == size


def test_a_bomb_is_refused_in_little_memory_and_time():
    bomb = gzip.compress(bytes(200 * 1024 * 1024), 9)
    assert len(bomb) < 300_000
    with serve(lambda x: x.answer(bomb, Content_Encoding="gzip")) as server:
        tracemalloc.start()
        start = time.process_time()
        with pytest.raises(FetchRefusedError) as refusal:
            session(max_bytes=20_000_000).get(server.url)
        seconds, (_now, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert refusal.value.code == "too-large"
    assert "larger than 20\u00a0MB" in str(refusal.value)
    assert peak < 50_000_000
    assert seconds < 1


def test_an_answer_may_be_cut_instead_of_refused():
    with serve(lambda x: x.answer(b"abcdef")) as server:
        answer = session().get(server.url, max_bytes=4, truncate=True)
        assert (answer.body, answer.truncated) == (b"abcd", True)
        assert session().get(server.url, max_bytes=6).truncated is False


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_an_answer_goes_into_a_file_and_never_further_than_is_wanted(tmp_path, encoding):
    body = bytes(range(256)) * 4_000
    sent = gzip.compress(body) if encoding else body
    shown = []

    def bound(headers, head):
        shown.append((headers["X-Kind"], len(head)))
        return 5_000

    named = {"X_Kind": "a", **({"Content_Encoding": encoding} if encoding else {})}
    with serve(lambda x: x.answer(sent, **named)) as server, (tmp_path / "x").open("w+b") as file:
        file.write(b"of an attempt before")
        answer = session().get(server.url, into=file, max_bytes=len(body))
        assert (answer.body, answer.truncated, (tmp_path / "x").read_bytes()) == (b"", False, body)
        answer = session().get(server.url, into=file, bound=bound, truncate=True)
        assert (answer.truncated, (tmp_path / "x").read_bytes()) == (True, body[:5_000])
        assert session().get(server.url, bound=bound, truncate=True).body == body[:5_000]
        assert shown == [("a", 4_096)] * 2
        with pytest.raises(FetchRefusedError):
            session().get(server.url, into=file, bound=bound)
    with serve(lambda x: x.answer(b"short", X_Kind="b")) as server:
        assert session().get(server.url, bound=bound).body == b"short"


def test_an_encoding_that_was_not_asked_for_is_refused():
    with serve(lambda x: x.answer(b"abc", Content_Encoding="br")) as server:
        with pytest.raises(FetchRefusedError) as refusal:
            session().get(server.url)
        assert refusal.value.code == "compression"


def test_an_answer_shorter_than_announced_is_an_error():
    def script(x: Exchange):
        x.send_response(200)
        x.send_header("Content-Length", "100")
        x.end_headers()
        x.wfile.write(b"half")
        x.close_connection = True

    with serve(script) as server, pytest.raises(FetchError) as error:
        session().get(server.url)
    assert error.value.code == "connection"
    assert (
        in_language(error.value.params, str.upper)["detail"]
        == "THE ANSWER BROKE OFF BEFORE ITS END"
    )


def test_a_connection_is_kept_alive_also_after_a_refusal():
    def script(x: Exchange):
        x.answer(b"y" * 100_000 if x.path == "/big" else b"small")

    with serve(script) as server:
        guarded = session(max_bytes=1000)
        assert guarded.get(server.url).body == b"small"
        with pytest.raises(FetchRefusedError):
            guarded.get(server.url + "/big")
        assert guarded.get(server.url).body == b"small"
        assert guarded.budget.spent == 3


# --- limits of time ---


def test_a_silent_server_is_left_after_the_read_time():
    with serve(lambda x: time.sleep(3)) as server:
        start = time.monotonic()
        with pytest.raises(FetchError) as error:
            session(read_seconds=0.3).get(server.url)
        assert error.value.code == "timeout"
        assert time.monotonic() - start < 4


@pytest.mark.few(1, "hostile")
@pytest.mark.parametrize("where", ["body", "headers"])
def test_a_server_that_drips_is_cut_at_the_total_time(where):
    def script(x: Exchange):
        if where == "body":
            x.send_response(200)
            x.send_header("Content-Length", "1000")
            x.end_headers()
        for _ in range(60):
            x.wfile.write(b"a")
            x.wfile.flush()
            time.sleep(0.1)

    with serve(script) as server:
        start = time.monotonic()
        with pytest.raises(FetchError) as error:
            session(total_seconds=0.6).get(server.url)
        assert error.value.code == "timeout"
        assert time.monotonic() - start < 4


def test_a_drip_without_a_length_is_not_taken_for_a_whole_answer():
    def script(x: Exchange):
        x.protocol_version = "HTTP/1.0"
        x.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(30):
            x.wfile.write(b"<a>")
            x.wfile.flush()
            time.sleep(0.1)
        x.close_connection = True

    with serve(script) as server:
        start = time.monotonic()
        with pytest.raises(FetchError) as error:
            session(total_seconds=0.5).get(server.url)
        assert error.value.code == "timeout"
        assert time.monotonic() - start < 4


def test_a_resolver_that_never_answers_is_left():
    start = time.monotonic()
    with pytest.raises(FetchError) as error:
        session(lambda *a, **k: time.sleep(5), connect_seconds=0.3).get("http://slow.example/")
    assert error.value.code == "timeout"
    assert time.monotonic() - start < 4


# --- retries ---


def failing(times, status=503, **headers):
    left = [times]

    def script(x: Exchange):
        left[0] -= 1
        if left[0] >= 0:
            x.answer("later", status=status, **headers)
        else:
            x.answer("now")

    return script


def test_a_busy_server_is_asked_again_after_longer_and_longer_pauses():
    pauses = []
    with serve(failing(3)) as server:
        answer = session(pauses=pauses, attempts=4, backoff_seconds=1).get(server.url)
    assert (answer.body, answer.attempts) == (b"now", 4)
    assert [round(pause / 2**n) for n, pause in enumerate(pauses)] == [1, 1, 1]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_pause_that_the_server_asks_for_is_kept(form):
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=7), usegmt=True)
    pauses = []
    with serve(failing(1, 429, Retry_After="7" if form == "seconds" else date)) as server:
        assert session(pauses=pauses, attempts=2).get(server.url).body == b"now"
    assert 5 < pauses[0] <= 7


@pytest.mark.parametrize("asked", ["\u00b2", "-1", "9" * 5_000, "Mon, 99 Foo 99999 99:99:99 +9999"])
def test_a_pause_that_is_none_does_no_harm(asked):
    with serve(failing(1, 503, Retry_After=asked)) as server:
        assert session(attempts=2).get(server.url).status in (200, 503)


def test_a_server_that_asks_for_an_hour_is_not_asked_again():
    pauses = []
    with serve(failing(9, 503, Retry_After="3600")) as server:
        answer = session(pauses=pauses, attempts=5).get(server.url)
        assert (answer.status, answer.attempts, pauses) == (503, 1, [])


def test_the_last_answer_is_given_when_all_attempts_are_used():
    with serve(failing(9, 500)) as server:
        answer = session(attempts=3).get(server.url)
        assert (answer.status, answer.attempts, len(server.seen)) == (500, 3, 3)


def test_a_refused_address_is_not_tried_again():
    pauses = []
    with pytest.raises(FetchRefusedError):
        session(pauses=pauses, attempts=5, allowed_networks=()).get("http://127.0.0.1/")
    assert pauses == []


def test_a_broken_connection_is_tried_again():
    calls = []

    def script(x: Exchange):
        calls.append(1)
        if len(calls) == 1:
            x.close_connection = True  # closes the connection without an answer
        else:
            x.answer("ok")

    with serve(script) as server:
        assert session(attempts=2).get(server.url).body == b"ok"


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for catalogue.example."""
    folder = tmp_path_factory.mktemp("tls")
    pair = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -out {pair[0]} -keyout {pair[1]}"
        " -subj /CN=catalogue.example -addext subjectAltName=DNS:catalogue.example",
        shell=True,
        check=True,
        capture_output=True,
    )
    return pair


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    with (
        serve(lambda x: x.answer("ok"), *certificate) as server,
        pytest.raises(FetchError) as error,
    ):
        session(answers("127.0.0.1")).get(f"https://catalogue.example:{server.server_port}/")
    assert error.value.code == "tls"


def test_a_certificate_of_a_configured_authority_is_accepted_for_its_name_only(certificate):
    with serve(lambda x: x.answer("ok"), *certificate) as server:
        guarded = session(answers("127.0.0.1"), ca_bundle=certificate[0])
        assert guarded.get(f"https://catalogue.example:{server.server_port}/").body == b"ok"
        with pytest.raises(FetchError) as error:
            guarded.get(f"https://other.example:{server.server_port}/")
        assert error.value.code == "tls"


def test_a_drip_over_tls_is_cut_too(certificate):
    def script(x: Exchange):
        x.send_response(200)
        x.end_headers()
        for _ in range(60):
            x.wfile.write(b"a")
            x.wfile.flush()
            time.sleep(0.1)

    with serve(script, *certificate) as server:
        start = time.monotonic()
        with pytest.raises(FetchError) as error:
            session(answers("127.0.0.1"), ca_bundle=certificate[0], total_seconds=0.6).get(
                f"https://catalogue.example:{server.server_port}/"
            )
        assert error.value.code == "timeout"
        assert time.monotonic() - start < 4


# --- the portal's own services, ports, and shared budgets ---


def test_own_service_is_refused_within_allowed_networks():
    with serve(lambda exchange: exchange.answer("inside")) as server:
        assert session().get(server.url).body == b"inside"
        for own in ("127.0.0.1", "localhost", "127.0.0.9", socket.gethostname()):
            guarded = session(own_services=((own, server.server_port),))
            with pytest.raises(FetchRefusedError) as refused:
                guarded.get(server.url)
            assert refused.value.code == "own-service"
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.2", "127.1", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]", "localhost"],
)
def test_own_service_is_refused_by_each_spelling(host):
    with serve(lambda exchange: exchange.answer("inside")) as server:
        everywhere = networks(["0.0.0.0/0", "::/0"])
        guarded = session(
            allowed_networks=everywhere, own_services=(("127.0.0.1", server.server_port),)
        )
        with pytest.raises(FetchError) as refused:
            guarded.get(f"http://{host}:{server.server_port}/")
        assert refused.value.code in {"own-service", "unknown-host"}
        assert server.seen == []


def test_own_service_is_refused_behind_a_redirect():
    with serve(lambda exchange: exchange.answer("inside")) as inside:
        guarded = session(own_services=(("127.0.0.1", inside.server_port),))
        with (
            serve(lambda exchange: exchange.answer("", 302, Location=inside.url)) as server,
            pytest.raises(FetchRefusedError),
        ):
            guarded.get(server.url)
        assert inside.seen == []


def test_ports_can_be_limited():
    with serve(lambda exchange: exchange.answer("inside")) as server:
        with pytest.raises(FetchRefusedError) as refused:
            session(allowed_ports=frozenset({80, 443})).get(server.url)
        assert refused.value.code == "port"
        assert session(allowed_ports=frozenset({server.server_port})).get(server.url).status == 200
        assert len(server.seen) == 1


def test_budget_of_requests_is_shared_by_sessions():
    budget = Budget(requests=3)
    settings = GuardSettings(allowed_networks=HERE, attempts=1)
    with serve(lambda exchange: exchange.answer("x")) as server:
        for _ in range(3):
            GuardedSession(settings, budget=budget).get(server.url)
        with pytest.raises(StoppedError) as stopped:
            GuardedSession(settings, budget=budget).get(server.url)
        assert (stopped.value.code, stopped.value.limit) == ("requests", 3)
        assert len(server.seen) == 3


def test_redirects_and_retries_count():
    budget = Budget(requests=4)
    guarded = GuardedSession(
        GuardSettings(allowed_networks=HERE, attempts=9, backoff_seconds=0), budget=budget
    )
    with serve(lambda exchange: exchange.answer("", 503)) as server:
        with pytest.raises(StoppedError):
            guarded.get(server.url)
        assert len(server.seen) == 4
