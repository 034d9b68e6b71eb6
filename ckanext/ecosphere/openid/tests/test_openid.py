"""Log-in with a local OpenID Connect provider, over HTTP: accounts, validation of answers,
sessions.
"""

from __future__ import annotations

import base64
import copy
import hmac
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
import requests
import sqlalchemy as sa
from ckan import model
from ckan.config.middleware import make_app
from ckan.exceptions import CkanConfigurationException
from ckan.lib import mailer
from ckan.plugins import core
from ckan.tests import factories
from joserfc.jwk import ECKey, OctKey
from passlib.hash import pbkdf2_sha512
from werkzeug.serving import make_server

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.interfaces import CheckStatus, each_setup
from ckanext.ecosphere.openid import accounts, config, provider
from ckanext.ecosphere.openid.tests.local_provider import (
    CLIENT,
    JEANNE,
    RSA,
    SECRET,
    LocalProvider,
    local_provider,
)
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.tests.browser import axe_violations, free_port, picture

PASSWORD = "Correct-Horse-9"
START = "/connexion/openid"
KNOWN_ADDRESS = "Un compte existe déjà avec l’adresse"
NOT_BEGUN = "n’a pas été commencée dans ce navigateur"
FAILED = "n’a pas abouti"


@pytest.fixture(scope="module")
def local() -> Iterator[LocalProvider]:
    with local_provider() as running:
        yield running


@pytest.fixture(scope="module")
def running(local: LocalProvider, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """A portal served over HTTP by this process and connected to the provider.

    Yields its configuration.
    """
    before = copy.deepcopy(dict(tk.config))
    local.portal = f"http://127.0.0.1:{free_port()}"
    tk.config.update(
        {
            "ckan.plugins": "ecosphere_openid ecosphere_hardening ecosphere",
            "ckan.locale_default": "fr",
            "WTF_CSRF_ENABLED": True,
            "ecosphere.openid.issuer": local.issuer,
            "ecosphere.openid.client_id": CLIENT,
            "ecosphere.openid.client_secret": SECRET,
            "ecosphere.openid.allowed_networks": "127.0.0.1/32",
        }
    )
    core.load_all()
    app: Any = make_app(tk.config)  # type: ignore[arg-type]
    tk.config["ckan.site_url"] = (
        local.portal
    )  # CKAN prefers the URL of the environment when it starts
    request.getfixturevalue("empty_db")()
    server = make_server("127.0.0.1", int(local.portal.rsplit(":", 1)[1]), app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield copy.deepcopy(dict(tk.config))
    server.shutdown()
    core.unload_all()
    tk.config.clear()
    tk.config.update(before)


@pytest.fixture(autouse=True)
def portal(local: LocalProvider, running: dict[str, Any]) -> Iterator[str]:
    """The portal with an honest provider, empty caches, no accounts and no failed log-ins.

    Yields its URL.
    """
    tk.config.update(running)  # CKAN restores the test configuration before each test
    local.honest()
    provider._documents.clear()
    rate_limits.clear("login-address", "60 per 10 minutes; 600 per day", "127.0.0.1")
    model.Session.query(model.ApiToken).delete()
    model.Session.query(model.User).filter(
        model.User.name.notin_([tk.config["ckan.site_id"]])
    ).delete()
    model.Session.commit()
    yield local.portal
    model.Session.remove()


class Person(requests.Session):
    """A browser without JavaScript, connected to the portal."""

    def __init__(self, portal: str) -> None:
        super().__init__()
        self.portal = portal

    def open(self, path: str, **options: Any) -> requests.Response:
        return self.get(
            path if path.startswith("http") else self.portal + path, timeout=30, **options
        )

    def submit(
        self, path: str, form: dict[str, str], page: requests.Response | None = None
    ) -> requests.Response:
        token = re.search(
            r'name="_csrf_token"[^>]* (?:content|value)="([^"]+)"',
            page.text if page is not None else "",
        )
        return self.post(
            self.portal + path, {**form, **({"_csrf_token": token[1]} if token else {})}, timeout=30
        )

    def log_in(self, name: str) -> requests.Response:
        return self.submit(
            "/user/login", {"login": name, "password": PASSWORD}, self.open("/user/login")
        )

    @property
    def name(self) -> str:
        """Name of the account that is logged in, or an empty string."""
        page = self.open("/user/edit", allow_redirects=False)
        found = re.search(r'id="field-username"[^>]* value="([^"]+)"', page.text)
        return found[1] if found else ""


@pytest.fixture
def person(portal: str) -> Person:
    return Person(portal)


def account(**values: Any) -> Any:
    made = factories.User(password=PASSWORD, **values)
    model.Session.remove()
    return made


def people() -> list[str]:
    model.Session.remove()
    found = model.Session.query(model.User).filter(model.User.name != tk.config["ckan.site_id"])
    return sorted(each.email or "" for each in found)


def the_one(email: str = JEANNE["email"]) -> Any:
    model.Session.remove()
    return model.Session.query(model.User).filter_by(email=email).one()


# --- first and later log-ins ---


def test_the_first_log_in_makes_an_account_and_the_second_finds_it(
    person: Person, portal: str, local: LocalProvider
):
    page = person.open(f"{START}?next=/organization/")
    assert (page.status_code, urlsplit(page.url).path) == (200, "/organization/"), page.text[:3000]
    made = the_one()
    assert (made.fullname, made.sysadmin, made.state) == ("Jeanne Martin", False, "active")
    assert re.fullmatch(r"jeanne-martin-[0-9a-f]{6}", made.name)
    assert accounts.of(made) == {
        "issuer": local.issuer,
        "subject": "b7f4c2",
        "organisation": "DDT de l’Ain",
    }
    assert person.name == made.name
    assert "DDT de l’Ain" in person.open("/user/edit").text
    local.person |= {
        "email": "autre@example.gouv.fr",
        "organization_label": "DREAL",
    }  # matched by `sub` alone
    again = Person(portal)
    again.open(START)
    assert (again.name, people()) == (made.name, [JEANNE["email"]])
    assert accounts.of(the_one())["organisation"] == "DREAL"
    local.person["sub"] = "autre"
    local.person["email"] = "jean@example.gouv.fr"
    other = Person(portal)
    other.open(START)
    assert other.name not in ("", made.name)


def test_what_is_asked_is_what_proconnect_takes(
    person: Person, local: LocalProvider, monkeypatch: pytest.MonkeyPatch
):
    person.open(START)
    (asked,) = local.asked
    assert asked["scope"].split()[0] == "openid"
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert "claims" not in asked
    monkeypatch.setitem(tk.config, config.LEVELS, ["eidas1", "eidas2"])
    person.cookies.clear()
    assert person.open(START).ok
    assert (
        local.asked[1]["claims"]
        == '{"id_token": {"acr": {"essential": true, "values": ["eidas1", "eidas2"]}}}'
    )
    monkeypatch.setitem(tk.config, config.LEVELS, ["eidas2"])
    person.cookies.clear()
    assert (person.open(START).status_code, person.name) == (502, "")


def test_plain_providers_and_other_keys_will_do(portal: str, local: LocalProvider):
    local.signed = False
    local.metadata = lambda said: {
        **said,
        "token_endpoint_auth_methods_supported": None,
        "end_session_endpoint": None,
    }
    basic = Person(portal)
    assert (
        basic.open(START).status_code == 502
    )  # the provider accepts the client secret in the body only
    local.metadata = lambda said: {**said, "end_session_endpoint": None}
    provider._documents.clear()
    local.keys, local.key, local.algorithm = [RSA], RSA, "RS256"
    plain = Person(portal)
    assert plain.open(START).ok
    assert plain.name
    new = ECKey.generate_key(
        "P-256", {"kid": "new", "use": "sig"}
    )  # key rotation while the portal runs
    local.keys, local.key, local.algorithm = [new], new, "ES256"
    at, found = provider._documents[f"{local.issuer}/jwks"]
    provider._documents[f"{local.issuer}/jwks"] = (at - 60, found)
    later = Person(portal)
    assert later.open(START).ok
    assert later.name == plain.name
    later.open("/user/_logout")  # the provider has no end_session_endpoint
    assert (later.name, local.ended) == ("", [])


# --- protection of existing accounts ---


@pytest.mark.parametrize("kind", ["user", "sysadmin", "deleted", "upper case", "pending"])
def test_an_address_is_no_proof(kind: str, person: Person):
    email = JEANNE["email"].upper() if kind == "upper case" else JEANNE["email"]
    state = {"deleted": "deleted", "pending": "pending"}.get(kind, "active")
    made = account(name="jeanne", email=email, sysadmin=kind == "sysadmin", state=state)
    page = person.open(START)
    assert page.status_code == 403
    assert KNOWN_ADDRESS in page.text
    assert JEANNE["email"] in page.text
    assert (person.name, len(people()), accounts.of(model.User.get(made["id"]))) == ("", 1, {})


def test_a_name_is_no_proof(person: Person):
    account(name="jeanne-martin", email="j@example.org")
    person.open(START)
    assert person.name not in ("", "jeanne-martin")


def test_the_owner_links_an_account_with_its_password(
    person: Person, portal: str, local: LocalProvider
):
    account(name="jeanne", email=JEANNE["email"])
    person.log_in("jeanne")
    assert "Lier à ProConnect" in person.open("/user/edit").text
    page = person.open(f"{START}?next=/user/edit")
    assert "Jeanne Martin" in page.text
    assert "DDT de l’Ain" in page.text
    assert accounts.of(the_one()) == {}  # returning from the provider is not enough
    assert (
        person.submit(f"{START}/lier", {"old_password": PASSWORD}).status_code == 400
    )  # without the CSRF token of the page
    assert (
        "pas le mot de passe" in person.submit(f"{START}/lier", {"old_password": "faux"}, page).text
    )
    assert accounts.of(the_one()) == {}
    done = person.submit(f"{START}/lier", {"old_password": PASSWORD}, page)
    assert "Votre compte est lié" in done.text
    assert accounts.of(the_one())["subject"] == "b7f4c2"
    assert (
        person.submit(f"{START}/lier", {"old_password": PASSWORD}, page).status_code == 400
    )  # can be used once
    other = Person(portal)
    other.open(START)
    assert other.name == "jeanne"
    # Nobody else can link this identity, and its owner cannot link a second one.
    account(name="autre", email="autre@example.org")
    thief = Person(portal)
    thief.log_in("autre")
    page = thief.open(START)
    assert (
        "liée à un autre compte"
        in thief.submit(f"{START}/lier", {"old_password": PASSWORD}, page).text
    )
    local.person["sub"] = "second"
    page = other.open(START)
    assert (
        "lié à une autre identité"
        in other.submit(f"{START}/lier", {"old_password": PASSWORD}, page).text
    )
    local.person["sub"] = "b7f4c2"
    assert "n’est plus lié" in other.submit(f"{START}/delier", {}, other.open("/user/edit")).text
    assert accounts.of(the_one()) == {}
    assert Person(portal).open(START).status_code == 403


def test_who_asks_for_a_password_ends_the_link_of_whoever_was_there_before(portal: str):
    account(name="jeanne", email="jeanne@example.org")
    intruder = Person(portal)
    intruder.log_in("jeanne")
    intruder.submit(f"{START}/lier", {"old_password": PASSWORD}, intruder.open(START))
    page = intruder.open("/user/edit")
    form = {"name": "jeanne", "email": "jeanne@example.org", "old_password": PASSWORD, "save": ""}
    changed = {"password1": "Correct-Horse-10", "password2": "Correct-Horse-10"}
    assert intruder.submit("/user/edit", {**form, **changed}, page).ok
    user = the_one("jeanne@example.org")
    assert user.validate_password("Correct-Horse-10")
    assert accounts.of(user)["subject"] == "b7f4c2"  # the owner of the password keeps the link
    mailer.create_reset_key(user)
    owner = Person(portal)
    address = f"/user/reset/{user.id}?key={user.reset_key}"
    assert owner.submit(
        address, {"password1": PASSWORD, "password2": PASSWORD}, owner.open(address)
    ).ok
    user = the_one("jeanne@example.org")
    assert (user.validate_password(PASSWORD), accounts.of(user)) == (True, {})
    assert intruder.name == ""
    intruder.open(START)
    assert intruder.name != "jeanne"


def test_a_hash_that_a_log_in_writes_anew_keeps_the_link(portal: str):
    made = account(name="jeanne", email="jeanne@example.org")
    owner = Person(portal)
    owner.log_in("jeanne")
    owner.submit(f"{START}/lier", {"old_password": PASSWORD}, owner.open(START))
    old = pbkdf2_sha512.using(rounds=10).hash(PASSWORD)
    model.Session.execute(
        sa.update(model.User).where(model.User.id == made["id"]).values(_password=old)
    )
    model.Session.commit()
    Person(portal).log_in("jeanne")
    user = the_one("jeanne@example.org")
    assert "$10$" not in user.password
    assert accounts.of(user)["subject"] == "b7f4c2"


def test_to_click_twice_makes_one_account(person: Person, portal: str):
    both = [person, Person(portal)]
    addresses = [_way_back(each) for each in both]
    clicks = [
        threading.Thread(target=each.open, args=(url,))
        for each, url in zip(both, addresses, strict=True)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len({each.name for each in both} | {""}) == 2
    assert people() == [JEANNE["email"]]


def test_closed_accounts_stay_out(person: Person, portal: str):
    person.open(START)
    user = the_one()
    user.state = "deleted"
    model.Session.commit()
    again = Person(portal)
    page = again.open(START)
    assert (page.status_code, "fermé" in page.text) == (403, True)
    assert (again.name, person.name, len(people())) == ("", "", 1)


def test_who_has_no_password_closes_the_account_by_its_name_and_may_come_back(
    person: Person, portal: str, local: LocalProvider
):
    person.open(START)
    name, page = person.name, person.open("/compte/fermer")
    assert "saisissez le nom de votre compte" in page.text
    made = the_one()
    token = tk.get_action("api_token_create")(
        {"user": made.name}, {"user": made.name, "name": "lost"}
    )["token"]
    options: Any = {"headers": {"Authorization": token}, "timeout": 30}
    assert requests.post(f"{portal}/compte/fermer", {"account": name}, **options).status_code == 400
    refused = person.submit("/compte/fermer", {"account": "autre"}, page)
    assert (
        refused.status_code == 400
        and "ni le mot de passe ni le nom" in refused.text
        and person.name == name
    )
    assert (
        "compte est fermé"
        in person.submit("/compte/fermer", {"account": name.upper()}, refused).text
    )
    assert person.name == "" and len(local.ended) == 1
    model.Session.remove()
    (gone,) = model.Session.query(model.User).filter_by(state="deleted")
    assert (gone.fullname, gone.email, accounts.of(gone)) == ("", None, {})
    again = Person(portal)
    again.open(START)
    assert again.name not in ("", name)


def test_nobody_gives_themselves_the_identity_of_somebody(
    person: Person, portal: str, local: LocalProvider
):
    link = {accounts.KEY: {"issuer": local.issuer, "subject": "b7f4c2"}}
    values = {
        "name": "voleur",
        "email": "v@example.org",
        "password": PASSWORD,
        "plugin_extras": link,
    }
    made = requests.post(f"{portal}/api/3/action/user_create", json=values, timeout=30)
    thief = factories.UserWithToken(name="voleuse", plugin_extras=None)
    headers = {"Authorization": thief["token"]}
    patch = {"id": thief["id"], "plugin_extras": link}
    changed = requests.post(
        f"{portal}/api/3/action/user_patch", json=patch, headers=headers, timeout=30
    )
    assert changed.status_code in (200, 409), (made.text, changed.text)
    person.open(START)
    assert person.name.startswith("jeanne-martin-")


@pytest.mark.parametrize(
    "told",
    [
        *({"email": each} for each in (None, "", "aucune", ["a@example.org"])),
        *({"email_verified": each} for each in (False, "False")),
    ],
    ids=str,
)
def test_no_account_without_an_address(told: dict[str, Any], person: Person, local: LocalProvider):
    local.person |= told
    assert person.open(START).status_code == 403
    assert (person.name, people()) == ("", [])


@pytest.mark.parametrize(
    ("said", "is_confirmed"),
    [({"email_verified": True}, True), ({"email_verified": "true"}, True), ({}, False)],
    ids=str,
)
def test_an_address_is_confirmed_when_the_provider_says_so(
    said: dict[str, Any], is_confirmed: bool, person: Person, local: LocalProvider
):
    local.person |= said
    person.open(START)
    assert addresses.is_confirmed(the_one()) is is_confirmed


def test_no_account_where_none_are_made(person: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(tk.config, config.CREATE_ACCOUNTS, False)
    assert "pas de compte" in person.open(START).text
    assert people() == []


def test_hostile_names_are_texts(person: Person, local: LocalProvider):
    local.signed = False
    local.person |= {
        "given_name": "<script>alert(1)</script>\x00\u202e" + "x" * 5000,
        "usual_name": {"$": 1},
        "organization_label": "<img src=x onerror=alert(1)>\ud800" + "y" * 5000,
    }
    person.open(START)
    page = person.open("/user/edit").text
    assert person.name
    assert "<img src=x" not in page
    assert "<script>alert(1)" not in page
    assert len(the_one().fullname) <= 100


# --- invalid answers of the provider ---


def _forged(key: Any, algorithm: str = "ES256") -> Any:
    def lie(local: LocalProvider) -> None:
        local.key, local.algorithm = key, algorithm

    return lie


def _says(**claims: Any) -> Any:
    def lie(local: LocalProvider) -> None:
        local.id_claims = lambda said: {
            name: value for name, value in {**said, **claims}.items() if value is not None
        }

    return lie


def _tells(**claims: Any) -> Any:
    def lie(local: LocalProvider) -> None:
        local.userinfo_claims = lambda said: {
            k: value for k, value in {**said, **claims}.items() if value is not None
        }

    return lie


def _gives(**tokens: Any) -> Any:
    def lie(local: LocalProvider) -> None:
        local.tokens_changed = lambda said: {**said, **tokens}

    return lie


def _unsigned(local: LocalProvider) -> None:
    def without(tokens: dict[str, Any]) -> dict[str, Any]:
        _header, payload, _signature = tokens["id_token"].split(".")
        return {**tokens, "id_token": f"eyJhbGciOiJub25lIn0.{payload}."}

    local.tokens_changed = without


def _public_key_as_secret(local: LocalProvider) -> None:
    public = local.keys[0].as_pem(private=False)

    def signed_with_it(tokens: dict[str, Any]) -> dict[str, Any]:
        _header, payload, _signature = tokens["id_token"].split(".")
        header = _encoded(b'{"alg":"HS256","kid":"first"}')
        signed = f"{header}.{payload}"
        return {
            **tokens,
            "id_token": f"{signed}.{_encoded(hmac.digest(public, signed.encode(), 'sha256'))}",
        }

    local.tokens_changed = signed_with_it


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


LIES = {
    "forged signature": _forged(ECKey.generate_key("P-256", {"kid": "first"})),
    "unknown key": _forged(ECKey.generate_key("P-256", {"kid": "unknown"})),
    "secret of the client": _forged(
        OctKey.import_key(SECRET.encode() * 3, {"kid": "first"}), "HS256"
    ),
    "public key as secret": _public_key_as_secret,
    "no signature": _unsigned,
    "issuer": _says(iss="https://evil.example.org"),
    "issuers": _says(iss=["https://evil.example.org"]),
    "audience": _says(aud="another-portal"),
    "audiences": _says(aud=["another-portal", CLIENT]),
    "authorised party": _says(azp="another-portal"),
    "no audience": _says(aud=None),
    "nonce": _says(nonce="n" * 43),
    "no nonce": _says(nonce=None),
    "over": _says(exp=int(time.time()) - 3600),
    "no end": _says(exp=None),
    "to come": _says(iat=int(time.time()) + 3600),
    "hash of the access token": _says(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "no subject": _says(sub=None),
    "empty subject": _says(sub=""),
    "subject of another kind": _says(sub={"$ne": 1}),
    "long subject": _says(sub="s" * 300),
    "odd subject": _says(sub="b7f4c2\x00"),
    "userinfo of somebody else": _tells(sub="autre"),
    "userinfo without a subject": _tells(sub=None),
    "userinfo of another issuer": _tells(iss="https://evil.example.org"),
    "userinfo for another portal": _tells(aud="another-portal"),
    "userinfo of yesterday": _tells(exp=int(time.time()) - 86_400),
    "no tokens": _gives(id_token=None),
    "odd tokens": _gives(id_token={"a": 1}, access_token=["b"]),
    "no token": _gives(id_token="a.b.c"),
    "split header": _gives(access_token="acces\r\nX-Evil: 1"),
}


@pytest.mark.few(8, "hostile")
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_lies_are_not_believed(lie: Any, person: Person, local: LocalProvider):
    lie(local)
    page = person.open(START)
    assert (page.status_code, FAILED in page.text) == (502, True)
    assert (person.name, people()) == ("", [])


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://evil.example.org"},
        {"authorization_endpoint": "http://evil.example.org/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
    ids=str,
)
def test_a_provider_that_is_another_is_not_asked(
    said: dict[str, Any], person: Person, local: LocalProvider
):
    local.metadata = lambda told: {**told, **said}
    assert person.open(START).status_code == 502
    assert local.asked == []


def test_nothing_else_is_asked(
    person: Person, local: LocalProvider, monkeypatch: pytest.MonkeyPatch
):
    odd = ["https://192.168.7.7/", "http://example.org/", "file:///etc/passwd", "http://[", 7]
    for name in ("token_endpoint", "userinfo_endpoint", "jwks_uri"):
        for url in odd[:1] if name == "userinfo_endpoint" else odd:
            provider._documents.clear()
            local.metadata = lambda told, name=name, url=url: {**told, name: url}
            assert person.open(START).status_code == 502
    local.honest()
    provider._documents.clear()
    monkeypatch.setitem(
        tk.config, config.ALLOWED_NETWORKS, []
    )  # the provider is then in a private network
    assert person.open(START).status_code == 502
    assert people() == []


def test_a_provider_that_is_away_is_left_alone_for_a_moment(person: Person, local: LocalProvider):
    local.fault = 500
    assert person.open(START).status_code == 502
    local.fault = 0
    assert person.open(START).status_code == 502
    at, found = provider._documents[f"{local.issuer}/.well-known/openid-configuration"]
    provider._documents[f"{local.issuer}/.well-known/openid-configuration"] = (at - 60, found)
    assert person.open(START).ok


# --- redirection back to the portal ---


def _way_back(person: Person) -> str:
    """Return the URL to which the provider redirects a person, without following it."""
    first = person.open(START, allow_redirects=False)
    return person.open(first.headers["Location"], allow_redirects=False).headers["Location"]


def test_a_slow_provider_does_not_take_the_threads_of_the_portal(person: Person):
    with ExitStack() as others:
        for _each in range(rate_limits.FOR_EDITORS):
            others.enter_context(rate_limits.place(rate_limits.FOR_EDITORS))
        assert FAILED in person.open(START).text
    person.open(START)
    assert person.name  # the provider was not recorded as failing


def test_what_comes_back_belongs_to_one_log_in_of_this_browser(person: Person, portal: str):
    address = _way_back(person)
    state = parse_qs(urlsplit(address).query)["state"][0]
    for wrong in (
        address.replace(state, "x" * 43),
        address.replace(f"state={state}", ""),
        address + "&state=x",
    ):
        if wrong != address + "&state=x":
            assert person.open(wrong).status_code == 400
    victim = Person(portal)  # another person's URL does not log anyone in
    page = victim.open(address)
    assert (page.status_code, NOT_BEGUN in page.text, victim.name) == (400, True, "")
    assert person.open(address).ok
    assert person.name
    assert person.open(address).status_code == 400  # can be used once
    assert person.name


def test_who_logged_in_meanwhile_is_not_linked(person: Person):
    account(name="jeanne", email="j@example.org")
    address = _way_back(person)
    person.log_in("jeanne")
    assert person.open(address).status_code == 400
    assert accounts.of(the_one("j@example.org")) == {}


@pytest.mark.parametrize(
    "back", [{"iss": "https://evil.example.org"}, {"code": ""}, {"code": "x" * 5000}, {"code": "é"}]
)
def test_what_else_comes_back_is_looked_at(
    back: dict[str, str], person: Person, local: LocalProvider
):
    local.back = back
    assert person.open(START).status_code in (400, 502)
    assert person.name == ""


def test_a_refusal_of_the_provider_is_told(person: Person, local: LocalProvider):
    local.refusal = "access_denied<script>"
    page = person.open(START)
    assert (page.status_code, "annulée" in page.text, "denied<script" in page.text) == (
        403,
        True,
        False,
    )


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example.org",
        "https://evil.example.org",
        "/\\evil.example.org",
        "javascript:alert(1)",
        "\t//evil",
    ],
)
def test_people_stay_on_the_portal(target: str, person: Person, local: LocalProvider):
    for name in ("next", "came_from"):
        assert person.open(START, params={name: target}).status_code == 400
    assert local.asked == []


def test_a_language_is_kept_on_the_way(person: Person, local: LocalProvider):
    local.person["email"] = ""
    page = person.open(f"/en{START}")
    assert "/en/" in page.url
    assert "gives no verified e-mail address" in page.text


def test_windows_do_not_disturb_each_other(person: Person):
    first, second = _way_back(person), _way_back(person)
    for _each in range(4):
        third = _way_back(person)
    assert person.open(first).status_code == 400  # only the last three log-ins are kept
    assert person.open(third).ok
    assert person.name
    assert person.open(second).status_code == 400
    assert all(len(cookie.value or "") < 4000 for cookie in person.cookies)


# --- log-out and rate limits ---


def test_log_out_ends_the_session_at_the_provider(
    person: Person, portal: str, local: LocalProvider
):
    person.open(START)
    copied = Person(portal)
    copied.cookies.update(person.cookies)
    page = person.open("/user/_logout")
    assert (page.ok, urlsplit(page.url).path) == (True, "/user/logged_out_redirect")
    (ended,) = local.ended
    assert ended["id_token_hint"].count(".") == 2
    assert (person.name, copied.name) == ("", "")  # a copied cookie is no longer valid
    account(name="jean", email="jean@example.org")
    person.log_in("jean")
    person.open("/user/_logout")
    assert (person.name, len(local.ended)) == (
        "",
        1,
    )  # a log-in with password ends without the provider


def test_log_out_does_not_wait_for_the_provider(person: Person, local: LocalProvider):
    person.open(START)
    local.fault = 500
    provider._documents.clear()
    assert person.open("/user/_logout").ok
    assert person.name == ""


def test_an_address_that_failed_too_often_waits(person: Person, local: LocalProvider):
    for _each in range(60):
        rate_limits.hit("login-address", "60 per 10 minutes; 600 per day", "127.0.0.1")
    assert person.open(START).status_code == 429
    rate_limits.clear("login-address", "60 per 10 minutes; 600 per day", "127.0.0.1")
    local.codes.clear()
    before = local.tokens_changed
    local.tokens_changed = lambda tokens: {**before(tokens), "id_token": "a.b.c"}
    assert person.open(START).status_code == 502
    for _each in range(59):
        rate_limits.hit("login-address", "60 per 10 minutes; 600 per day", "127.0.0.1")
    assert person.open(START).status_code == 429  # the failed log-in was counted


def test_the_password_that_links_is_not_guessed(person: Person):
    account(name="jeanne", email="jeanne@example.org")
    person.log_in("jeanne")
    page = person.open(START)
    answers = [
        person.submit(f"{START}/lier", {"old_password": "faux"}, page).status_code
        for _each in range(6)
    ]
    assert answers == [200, 200, 200, 200, 200, 429]
    assert person.submit(f"{START}/lier", {"old_password": PASSWORD}, page).status_code == 429
    assert accounts.of(the_one("jeanne@example.org")) == {}


# --- availability and pages ---


def _checks() -> list[Any]:
    (plugin,) = [each for each in each_setup() if each.name == "ecosphere_openid"]
    return [check for check in plugin.ecosphere_check() if check.status is CheckStatus.ERROR]


def test_without_its_options_there_is_nothing(person: Person, monkeypatch: pytest.MonkeyPatch):
    assert _checks() == []
    for option in config.REQUIRED:
        with monkeypatch.context() as patch:
            patch.setitem(tk.config, option, "")
            (check,) = _checks()
            assert option in check.message
            assert person.open(START).status_code == 404
            assert "ProConnect" not in person.open("/user/login").text
    monkeypatch.setitem(tk.config, config.ISSUER, tk.config[config.ISSUER] + "/")
    assert len(_checks()) == 1


def test_without_its_library_it_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ckanext.ecosphere.openid.plugin.find_spec", lambda name: None)
    with pytest.raises(CkanConfigurationException, match=r"pip install .authlib"):
        p.get_plugin("ecosphere_openid").update_config(tk.config)  # type: ignore[union-attr]


@pytest.mark.browser
def test_journey(portal: str, local: LocalProvider, browser: Any):
    account(name="jeanne", fullname="Jeanne Martin", email=JEANNE["email"], image_url="")
    context = browser.new_context(locale="fr-FR", viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto(f"{portal}/user/login?came_from=/user/edit")
    button = page.get_by_role("link", name="Se connecter avec ProConnect")
    assert axe_violations(page) == []
    picture(page, "openid")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_text(KNOWN_ADDRESS).wait_for()
    assert axe_violations(page) == []
    page.get_by_role("link", name="Vers la page de connexion").click()
    page.fill("#field-login", "jeanne")
    page.fill("#field-password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/dashboard|/tableau"))
    page.goto(f"{portal}/user/edit")
    assert axe_violations(page) == []
    page.get_by_role("link", name="Lier à ProConnect").click()
    assert axe_violations(page) == []
    picture(page, "openid-link")
    page.get_by_label(re.compile("Mot de passe de votre compte")).fill(PASSWORD)
    page.get_by_role("button", name="Oui, les lier").click()
    page.get_by_text("Votre compte est lié").wait_for()
    page.get_by_role("button", name="Délier de ProConnect").wait_for()
    page.goto(f"{portal}/user/_logout")
    page.wait_for_url(re.compile("logged_out_redirect"))
    page.goto(f"{portal}/user/login?came_from=/user/edit")
    page.get_by_role("link", name="Se connecter avec ProConnect").click()
    page.wait_for_url(re.compile("/user/edit"))
    assert "jeanne" in page.content()
    context.close()
