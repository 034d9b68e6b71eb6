"""What the administrator may choose: the base plugin reads it from the options, rooms alone use the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Rates in the notation of the library `limits`: "5 per minute; 20 per hour". All given together must hold.

    Attributes:
        login: wrong log-ins for one account from one address.
        login_address: wrong log-ins from one address, for whatever account.
        login_account: wrong log-ins for one account from addresses from which its owner never logged in.
        registration: new accounts from one address.
        reset: e-mails with a reset link for one account.
        reset_address: requests of a reset link, or trials of one, from one address.
        token: API tokens that are not valid, from one address.
    """

    login: str = "5 per minute; 10 per 10 minutes; 20 per hour; 40 per day"
    login_address: str = "60 per 10 minutes; 600 per day"
    login_account: str = "100 per hour"
    registration: str = "10 per hour; 30 per day"
    reset: str = "3 per hour; 6 per day"
    reset_address: str = "20 per hour"
    token: str = "60 per minute"  # noqa: S105 (a rate)


@dataclass(frozen=True)
class Settings:
    """How strict the guard is.

    Attributes:
        csp: `enforce`, `report-only` or `off`: what happens with the Content-Security-Policy.
        csp_extra: sources to add, by directive.
        frame_ancestors: sources that may show pages in a frame, as in the directive of that name.
        form_bytes: most bytes of a form without files, or of a JSON body.
        form_fields: most fields of a form or of an address.
        upload_bytes: most bytes of a form with files.
        limits: how often what may be tried.
    """

    csp: str = "enforce"
    csp_extra: dict[str, list[str]] = field(default_factory=dict)
    frame_ancestors: str = "'self'"
    form_bytes: int = 10 * MEGABYTE
    form_fields: int = 2000
    upload_bytes: int = 110 * MEGABYTE
    limits: Limits = field(default_factory=Limits)
