"""Identity of a user as asserted by an OpenID Connect provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """Identity of a user as asserted by the provider.

    Attributes:
        issuer: issuer identifier of the provider.
        subject: permanent identifier of the user at the issuer (`sub`); users are recognised by nothing else.
        email: e-mail address; empty when there is none or it is declared as not verified.
        name: full name, may be empty.
        organisation: organisation of the user, may be empty.
        is_verified: whether the provider has verified the address (`email_verified`).
    """

    issuer: str
    subject: str
    email: str
    name: str
    organisation: str
    is_verified: bool = False
