"""The second factor of an account: a code of an authenticator app (TOTP, RFC 6238) or a recovery code.

It is kept in the row of the account: as text, the secret from which codes are computed; the time step of the last code
that was taken, since a code is good once (RFC 6238, section 5.2); digests of the unused recovery codes. These have
80 random bits, so that a fast digest protects them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time

import ckan.plugins.toolkit as tk
import segno
from ckan import authz, model
from ckan.types import DataDict
from pyotp.totp import TOTP
from pyotp.utils import strings_equal

from ckanext.ecosphere.core import accounts
from ckanext.ecosphere.credentials import config

KEY = "ecosphere_second_factor"
STEP_SECONDS, WINDOW = 30, 1
"""Length of a time step, and the steps before and after the present one of which a code is taken."""
SECRET_BYTES = 20
RECOVERY_CODES, RECOVERY_BYTES, GROUP = 10, 10, 4
MODERATION = "ecosphere_request_held_list"
"""Action that only moderators of data requests may call."""


def is_set_up(user: model.User) -> bool:
    """Return whether a person has a second factor."""
    return bool(record_of(user))


def is_required(user: model.User) -> bool:
    """Return whether a role of a person needs a second factor."""
    roles = config.roles()
    if user.sysadmin:
        return config.SYSADMIN in roles
    if config.EDITORS in roles and authz.has_user_permission_for_some_org(
        user.name, "create_dataset"
    ):
        return True
    person = {"user": user.name, "auth_user_obj": user}
    return config.MODERATORS in roles and authz.is_authorized_boolean(MODERATION, person, {})


def is_asked(user: model.User) -> bool:
    """Return whether the password alone does not open a session."""
    return is_set_up(user) or is_required(user)


def codes_left(user: model.User) -> int:
    """Return the number of recovery codes not yet used."""
    return len(record_of(user).get("recovery", ()))


def new_secret() -> str:
    """Return a random secret of 160 bits, in base 32 as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def picture(user: model.User, secret: str) -> str:
    """Return the QR code of a secret, as an address of the scheme `data`."""
    return segno.make(address(user, secret)).svg_data_uri(scale=5, border=4, light="white")


def address(user: model.User, secret: str) -> str:
    """Return the address (`otpauth`) by which an app of the same device takes a secret."""
    return TOTP(secret).provisioning_uri(user.name, issuer_name=tk.config["ckan.site_title"])


def turn_on(user: model.User, secret: str, code: str) -> list[str]:
    """Give a person a second factor, in the place of the one before.

    Args:
        user: the person.
        secret: secret that the person's app has taken.
        code: a present code of the app.

    Returns:
        the recovery codes, which are not kept as text; none if the code is wrong, and nothing is changed.
    """
    step = _matching_step(secret, _cleaned(code), 0)
    if step is None:
        return []
    codes = [_new_recovery_code() for _number in range(RECOVERY_CODES)]
    digests = [_digest(_cleaned(recovery_code)) for recovery_code in codes]
    accounts.keep_note(user.id, KEY, {"secret": secret, "step": step, "recovery": digests})
    return codes


def turn_off(user: model.User) -> None:
    """Take the second factor of a person away."""
    accounts.keep_note(user.id, KEY, None)


def takes(user: model.User, code: str) -> bool:
    """Tell whether a code of the app or a recovery code is right, and use it up.

    The row is locked: of two log-ins with one code, one succeeds. A wrong code takes as long as a wrong password.
    """
    rows = model.Session.query(model.User).filter_by(id=user.id)
    record = record_of(rows.populate_existing().with_for_update().one())
    remaining = _without(record, _cleaned(code))
    if not remaining:
        model.Session.rollback()
        user.validate_password(code)
        return False
    accounts.keep_note(user.id, KEY, remaining)
    return True


def record_of(user: model.User) -> DataDict:
    """Return what is kept of a person's second factor; empty if there is none."""
    return (user.plugin_extras or {}).get(KEY) or {}


def _without(record: DataDict, code: str) -> DataDict:
    """Return the record once a code is used up; empty if the code is wrong."""
    if not record:
        return {}
    step = _matching_step(record["secret"], code, record["step"])
    if step is not None:
        return {**record, "step": step}
    digest, digests = _digest(code), record["recovery"]
    if digest in digests:
        return {**record, "recovery": [other for other in digests if other != digest]}
    return {}


def _matching_step(secret: str, code: str, last_step: int) -> int | None:
    """Return the time step of a code, if it is near the present one and after the last one that was used."""
    now = int(time.time()) // STEP_SECONDS
    generator = TOTP(secret, interval=STEP_SECONDS)
    for step in range(max(now - WINDOW, last_step + 1), now + WINDOW + 1):
        if strings_equal(generator.generate_otp(step), code):
            return step
    return None


def _new_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    groups = [text[start : start + GROUP] for start in range(0, len(text), GROUP)]
    return "-".join(groups)


def _cleaned(code: str) -> str:
    """Return a code without the spaces and hyphens that make it readable."""
    return "".join(code.split()).replace("-", "").lower()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
