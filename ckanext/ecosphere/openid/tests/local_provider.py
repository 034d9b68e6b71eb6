"""A local OpenID Connect provider that behaves as ProConnect does, or misbehaves if a test asks for
it.

It follows ProConnect's technical documentation for services (partenaires.proconnect.gouv.fr,
"Implémentation technique"): unknown parameters are refused, `state` and `nonce` have at least 32
characters, the client secret is sent in the body (client_secret_post), a code can be used once,
`userinfo` is a signed JWT, and ending the session requires the ID token.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from ckanext.ecosphere.tests.scripted_server import Exchange, serve

CLIENT, SECRET = "guichet", "un-secret-partagé"
BASE = "/api/v2"
KNOWN = {
    "response_type", "client_id", "redirect_uri", "scope", "claims", "state", "nonce", "prompt", "idp_hint",
    "login_hint", "acr_values", "code_challenge", "code_challenge_method",
}  # fmt: skip
LONG_ENOUGH = 32
JEANNE = {
    "sub": "b7f4c2",
    "given_name": "Jeanne",
    "usual_name": "Martin",
    "email": "jeanne.martin@example.gouv.fr",
    "siret": "13000000000017",
    "organization_label": "DDT de l’Ain",
    "uid": "jm",
}
Change = Callable[[dict[str, Any]], dict[str, Any]]


def same(claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims unchanged."""
    return claims


class LocalProvider:
    """The provider: who logs in, and which claims it issues."""

    def __init__(self) -> None:
        self.url = ""
        self.portal = ""
        self.keys: list[Any] = [
            ECKey.generate_key("P-256", {"kid": "first", "use": "sig", "alg": "ES256"})
        ]
        self.honest()

    def honest(self) -> None:
        """Reset the provider: correct answers about Jeanne."""
        self.person: dict[str, Any] = dict(JEANNE)
        self.issuer = self.url + BASE
        self.key: Any = self.keys[0]
        self.algorithm = "ES256"
        self.id_claims: Change = same
        self.userinfo_claims: Change = same
        self.metadata: Change = same
        self.signed = True
        self.refusal = ""
        self.back: dict[str, str] = {}
        self.tokens_changed: Change = same
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[dict[str, str]] = []
        self.ended: list[dict[str, str]] = []
        self.fault = 0

    def answer(self, exchange: Exchange) -> None:
        """Handle a request."""
        parts = urlsplit(exchange.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        page = {
            "/.well-known/openid-configuration": self._metadata,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._userinfo,
            "/jwks": self._jwks,
            "/session/end": self._end,
        }.get(parts.path.removeprefix(BASE))
        if page is None or self.fault:
            exchange.answer("no", self.fault or 404)
        else:
            page(exchange, query)

    def signed_token(self, claims: dict[str, Any]) -> str:
        """Sign claims with the current key."""
        header = {"alg": self.algorithm, "kid": getattr(self.key, "kid", None) or "first"}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])

    def _metadata(self, exchange: Exchange, _query: dict[str, str]) -> None:
        base = self.url + BASE
        said = {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "jwks_uri": f"{base}/jwks",
            "end_session_endpoint": f"{base}/session/end",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
        self._json(exchange, self.metadata(said))

    def _authorize(self, exchange: Exchange, query: dict[str, str]) -> None:
        self.asked.append(query)
        wrong = (
            set(query) - KNOWN
            or query.get("response_type") != "code"
            or query.get("client_id") != CLIENT
            or query.get("redirect_uri") != f"{self.portal}/connexion/openid/retour"
            or min(len(query.get("state", "")), len(query.get("nonce", ""))) < LONG_ENOUGH
            or "openid" not in query.get("scope", "").split()
        )
        if wrong:
            return exchange.answer(f"Y000400 {query}", 400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        told = {"error": self.refusal} if self.refusal else {"code": code}
        told |= {"state": query["state"], "iss": self.issuer, **self.back}
        return exchange.answer("", 303, Location=f"{query['redirect_uri']}?{urlencode(told)}")

    def _token(self, exchange: Exchange, _query: dict[str, str]) -> None:
        form = {name: values[0] for name, values in parse_qs(exchange.body.decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)  # a code can be used once
        wrong = (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET)
            or form.get("redirect_uri") != asked["redirect_uri"]
            or create_s256_code_challenge(form.get("code_verifier", ""))
            != asked.get("code_challenge")
        )
        if wrong or asked is None:
            return self._json(exchange, {"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": self.person["sub"],
            "nonce": asked["nonce"],
            "acr": "eidas1",
        }
        claims |= {"iat": now, "exp": now + 60, "auth_time": now}
        tokens = {"access_token": "acces", "token_type": "Bearer", "expires_in": 60}
        tokens["id_token"] = self.signed_token(self.id_claims(claims))
        return self._json(exchange, self.tokens_changed(tokens))

    def _userinfo(self, exchange: Exchange, _query: dict[str, str]) -> None:
        if exchange.headers["Authorization"] != "Bearer acces":
            return exchange.answer("no", 401)
        claims = self.userinfo_claims(
            {**self.person, "iss": self.issuer, "aud": CLIENT, "exp": int(time.time()) + 60}
        )
        if not self.signed:
            return self._json(exchange, claims)
        return exchange.answer(
            self.signed_token(claims), Content_Type="application/jwt; charset=utf-8"
        )

    def _jwks(self, exchange: Exchange, _query: dict[str, str]) -> None:
        public = [key.as_dict(private=False) for key in self.keys]
        other = RSA.as_dict(private=False) | {"kid": "enc", "use": "enc"}
        self._json(exchange, {"keys": [other, {"kty": "EC", "crv": "?"}, "odd", *public]})

    def _end(self, exchange: Exchange, query: dict[str, str]) -> None:
        self.ended.append(query)
        if not query.get("id_token_hint") or len(query.get("state", "")) < LONG_ENOUGH:
            return exchange.answer(f"Y000400 {query}", 400)
        if query.get("post_logout_redirect_uri") != f"{self.portal}/user/logged_out_redirect":
            return exchange.answer(f"Y000400 {query}", 400)
        return exchange.answer(
            "", 303, Location=f"{query['post_logout_redirect_uri']}?state={query['state']}"
        )

    @staticmethod
    def _json(exchange: Exchange, content: Any, status: int = 200) -> None:
        exchange.answer(json.dumps(content), status, Content_Type="application/json; charset=utf-8")


RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})


@contextmanager
def local_provider() -> Iterator[LocalProvider]:
    """Run a provider for the duration of a `with` block."""
    provider = LocalProvider()
    with serve(provider.answer) as server:
        provider.url = server.url
        provider.honest()
        yield provider
