"""Who somebody is, by the word of a provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """Who somebody is, by the word of the provider.

    Attributes:
        issuer: which provider.
        subject: whom it means, for ever; the only thing by which people are known again.
        email: address, empty when it gives none or says that it is not verified.
        name: as people are called, may be empty.
        organisation: where they work, may be empty.
        is_verified: whether the provider says that it has verified the address.
    """

    issuer: str
    subject: str
    email: str
    name: str
    organisation: str
    is_verified: bool = False
