"""Client of the OpenID Connect provider: requests and validation of answers (Core 1.0,
authorization code flow).

Requests go through `shared.http_guard`. Tokens are validated with Authlib and joserfc: signature by
a public key of the provider, audience (this portal) and nonce (this log-in). Messages for users are
in `views`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from ckanext.ecosphere.openid import config
from ckanext.ecosphere.openid.accounts import Identity
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response
from ckanext.ecosphere.shared.web_guard import rate_limits

WELL_KNOWN = "/.well-known/openid-configuration"
#: Asymmetric algorithms only: with a shared secret (HS256), the portal could not tell who signed.
ALGORITHMS = ["RS256", "PS256", "ES256"]
LEEWAY = 60
KEPT_SECONDS, PAUSE_SECONDS = 3600, 30
"""Cache time of the provider's documents; least time before a request after a failure or for new
keys."""
LONGEST_SUBJECT, LONGEST_TOKEN, LONGEST_NAME, LONGEST_EMAIL = 255, 16_000, 100, 254
OWN_MACHINE = ("127.0.0.1", "::1", "localhost")
OK = 200
_documents: dict[str, tuple[float, Any]] = {}


class ProviderError(Exception):
    """The provider does not answer, or its answer is not valid; the message is for the log."""


class BusyError(ProviderError):
    """As many threads wait for others as may wait: the provider was not asked."""


def authorization_url(back: str, state: str, nonce: str, verifier: str) -> str:
    """Return the URL of the authorization request, to which the user is redirected.

    Args:
        back: redirect URI on the portal.
        state: binds the callback to the session.
        nonce: binds the ID token to the session.
        verifier: code verifier, of which the SHA-256 hash is sent (PKCE, RFC 7636).

    Raises:
        ProviderError: the provider does not answer.
    """
    claims = None
    if config.levels():
        levels = {"essential": True, "values": config.levels()}
        claims = json.dumps({"id_token": {"acr": levels}})
    return prepare_grant_uri(
        _endpoint("authorization_endpoint"),
        config.client()[0],
        "code",
        redirect_uri=back,
        scope=config.scope(),
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
        claims=claims,
    )


def identity(code: str, back: str, nonce: str, verifier: str) -> tuple[Identity, str]:
    """Exchange an authorization code; return the identity of the user and the ID token, needed for
    log-out.

    Raises:
        ProviderError: the code is refused, or an answer is not valid.
    """
    tokens = _tokens(code, back, verifier)
    id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise ProviderError("the provider gave no tokens")
    if not _is_plain(access_token):
        raise ProviderError("the provider gave no tokens")
    claims = _id_token_claims(id_token, access_token, nonce)
    user = _userinfo(access_token)
    if user.get("sub") != claims["sub"]:
        raise ProviderError("the provider speaks of somebody else than its token")
    verified = str(user.get("email_verified")).lower()  # some providers write the claim as a text
    email = _text(user.get("email"), LONGEST_EMAIL)
    organisation = (
        user.get("organization_label") or user.get("organizational_unit") or user.get("siret")
    )
    if verified == "false":
        email = ""
    person = Identity(
        issuer=config.issuer(),
        subject=claims["sub"],
        email=email,
        name=_full_name(user),
        organisation=_text(organisation),
        is_verified=verified == "true",
    )
    return person, id_token


def _full_name(user: dict[str, Any]) -> str:
    """Return the name of a user from the userinfo claims, "" when it gives none."""
    family_name = user.get("usual_name") or user.get("family_name")
    parts = [_text(user.get("given_name")), _text(family_name)]
    name = " ".join(part for part in parts if part)
    return (name or _text(user.get("name")))[:LONGEST_NAME]


def end_session_url(id_token: str, state: str, back: str) -> str:
    """Return the URL that ends the session at the provider (RP-Initiated Logout); empty when there
    is none.

    Raises:
        ProviderError: the provider does not answer.
    """
    if not metadata().get("end_session_endpoint"):
        return ""
    params = {"state": state, "post_logout_redirect_uri": back}
    if id_token:
        params["id_token_hint"] = id_token
    else:
        params["client_id"] = config.client()[0]
    return add_params_to_uri(_endpoint("end_session_endpoint"), list(params.items()))


def metadata() -> dict[str, Any]:
    """Return the metadata of the provider (OpenID Connect Discovery 1.0).

    Raises:
        ProviderError: it does not answer, or has another issuer identifier than configured.
    """
    document = _document(config.issuer().rstrip("/") + WELL_KNOWN, KEPT_SECONDS)
    if document.get("issuer") != config.issuer():
        issuer = str(document.get("issuer"))[:200]
        raise ProviderError(f"the provider calls itself {issuer!r}, not {config.issuer()!r}")
    return document


def _endpoint(name: str) -> str:
    url = metadata().get(name)
    if not isinstance(url, str) or not _is_secure(url):
        raise ProviderError(f"the provider has no {name} with https")
    return url


def _tokens(code: str, back: str, verifier: str) -> dict[str, Any]:
    """Exchange the code for tokens.

    The client secret is in the body (as ProConnect requires) or in a header.
    """
    methods = metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    method = "client_secret_post" if "client_secret_post" in methods else "client_secret_basic"
    body = prepare_token_request(
        "authorization_code", redirect_uri=back, code=code, code_verifier=verifier
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    address = _endpoint("token_endpoint")
    address, headers, body = ClientAuth(*config.client(), method).prepare(
        "POST", address, headers, body
    )
    return _object(_request("POST", address, body.encode(), headers))


def _id_token_claims(id_token: str, access_token: str, nonce: str) -> dict[str, Any]:
    token = _verified(id_token)
    client_id, _secret = config.client()
    params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    claims = CodeIDToken(token.claims, token.header, _for_this_portal(), params)
    with _refused_as("token"):
        claims.validate(leeway=LEEWAY)
    subject = claims["sub"]
    is_subject = isinstance(subject, str) and _is_plain(subject, LONGEST_SUBJECT)
    if claims["iss"] != config.issuer() or not is_subject:
        raise ProviderError("the token names no issuer or subject")
    if config.levels() and claims.get("acr") not in config.levels():
        level = str(claims.get("acr"))[:100]
        raise ProviderError(f"the log-in has the level {level!r}")
    return claims


def _userinfo(access_token: str) -> dict[str, Any]:
    """Return the userinfo claims, from a signed JWT (as ProConnect sends) or plain JSON."""
    headers = {"Authorization": f"Bearer {access_token}"}
    answer = _request("GET", _endpoint("userinfo_endpoint"), None, headers)
    if answer.content_type != "application/jwt":
        return _object(answer)
    claims = _verified(answer.body.decode("ascii", "replace").strip()).claims
    with _refused_as("userinfo"):
        JWTClaimsRegistry(None, LEEWAY, **_for_this_portal()).validate(claims)
    if claims["iss"] != config.issuer():
        raise ProviderError("the userinfo comes from another issuer")
    return claims


def _for_this_portal() -> dict[str, Any]:
    return {
        "iss": {"essential": True, "value": config.issuer()},
        "aud": {"essential": True, "value": config.client()[0]},
    }


def _verified(token: str) -> jwt.Token:
    """Decode a token and verify its signature.

    For an unknown key ID, fetch the provider's keys again once.
    """
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        try:
            return jwt.decode(token, _keys(KEPT_SECONDS), registry=registry)
        except InvalidKeyIdError:
            return jwt.decode(token, _keys(PAUSE_SECONDS), registry=registry)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProviderError(
            f"a token is not signed as it must be: {type(error).__name__}"
        ) from error


def _keys(seconds: int) -> KeySet:
    published = _document(_endpoint("jwks_uri"), seconds).get("keys")
    if not isinstance(published, list):
        return KeySet([])
    keys = []
    for key in published:
        if not _signs(key):
            continue
        try:
            keys += KeySet.import_key_set({"keys": [key]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # ignore invalid keys
    return KeySet(keys)


def _signs(key: Any) -> bool:
    """Return whether a JSON Web Key is a public key for signatures."""
    if not isinstance(key, dict):
        return False
    return key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"


@contextmanager
def _refused_as(name: str) -> Iterator[None]:
    """Raise what validation raises as a `ProviderError` about the token or userinfo."""
    try:
        yield
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProviderError(f"the {name} is not for this log-in: {error}") from error


def _document(url: str, seconds: int) -> dict[str, Any]:
    """Return a JSON object of the provider, cached for `seconds`.

    Failures are cached for `PAUSE_SECONDS`.
    """
    fetched, answer = _documents.get(url, (0.0, None))
    if isinstance(answer, str):  # the message of a failure
        seconds = PAUSE_SECONDS
    if answer is None or time.monotonic() - fetched > seconds:
        try:
            answer = _object(_request("GET", url, None, {}))
        except BusyError:
            raise
        except ProviderError as error:
            answer = str(error)
        _documents[url] = (time.monotonic(), answer)
    if isinstance(answer, str):
        raise ProviderError(answer)
    return answer


def _request(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Response:
    if not _is_secure(url):
        raise ProviderError(f"{url[:200]} is not https")
    session = GuardedSession(config.guard_settings())
    headers = {"Accept": "application/json, */*", **headers}
    try:
        with rate_limits.place(rate_limits.FOR_EDITORS):
            answer = session.request(method, url, body=body, headers=headers)
    except rate_limits.NoPlaceError as error:
        raise BusyError("too many threads wait for others") from error
    except FetchError as error:
        raise ProviderError(f"{url[:200]}: {error}") from error
    if answer.status != OK:
        raise ProviderError(f"{url[:200]}: status {answer.status}")
    return answer


def _object(answer: Response) -> dict[str, Any]:
    try:
        content = parsing.load_json(answer.body)
    except ValueError as error:
        raise ProviderError(f"{answer.url[:200]}: no JSON") from error
    if not isinstance(content, dict):
        raise ProviderError(f"{answer.url[:200]}: no object")
    return content


def _is_secure(url: str) -> bool:
    """Return whether a URL has https; http is accepted on the local machine, for tests."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "http":
        return parts.hostname in OWN_MACHINE
    return parts.scheme == "https"


def _is_plain(text: str, longest: int = LONGEST_TOKEN) -> bool:
    """Return whether a text is non-empty printable ASCII, like tokens and subjects,
    and not too long.
    """
    return 0 < len(text) <= longest and text.isascii() and text.isprintable()


def _text(value: Any, longest: int = LONGEST_NAME) -> str:
    if not isinstance(value, str):
        return ""
    return one_line(value)[:longest].strip()
