"""Settings of the guard: `ecosphere_hardening` reads them from the configuration, rooms without it use the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Rate limits in the notation of the library `limits`: "5 per minute; 20 per hour"; all of them must hold.

    Attributes:
        login: failed log-ins for one account from one address.
        login_address: failed log-ins from one address, for any account.
        login_account: failed log-ins for one account from addresses from which its owner never logged in.
        registration: new accounts from one address.
        reset: e-mails with a reset link for one account.
        reset_address: requests for a reset link, or uses of one, from one address.
        token: invalid API tokens from one address.
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
    """Settings of the guard.

    Attributes:
        csp: mode of the Content-Security-Policy: `enforce`, `report-only` or `off`.
        csp_extra: additional sources, by directive.
        frame_ancestors: value of the directive `frame-ancestors`.
        form_bytes: maximum size of a form without files, or of a JSON body.
        form_fields: maximum number of fields of a form or query string.
        upload_bytes: maximum size of a form with files.
        limits: rate limits.
    """

    csp: str = "enforce"
    csp_extra: dict[str, list[str]] = field(default_factory=dict)
    frame_ancestors: str = "'self'"
    form_bytes: int = 10 * MEGABYTE
    form_fields: int = 2000
    upload_bytes: int = 110 * MEGABYTE
    limits: Limits = field(default_factory=Limits)
