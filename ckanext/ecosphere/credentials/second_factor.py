"""The second factor of an account: a code of an authenticator app (TOTP, RFC 6238) or a recovery
code.

It is kept in the row of the account: as text, the secret from which codes are computed; the time
step of the last code that was taken, since a code is good once (RFC 6238, section 5.2); digests of
the unused recovery codes. These have 80 random bits, so that a fast digest protects them.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import segno
from ckan import authz, model
from ckan.common import _
from ckan.lib import jobs
from ckan.types import DataDict
from pyotp import random_base32
from pyotp.totp import TOTP
from pyotp.utils import strings_equal

from ckanext.ecosphere.core import accounts
from ckanext.ecosphere.shared import language, mailing
from ckanext.ecosphere.shared.queue import enqueue_once

log = logging.getLogger(__name__)

SECOND_FACTOR = "ecosphere.credentials.second_factor"
SYSADMIN, EDITORS, MODERATORS = "sysadmin", "editors", "moderators"
OPTIONAL, OFF = "optional", "off"
VALUES = (SYSADMIN, EDITORS, MODERATORS, OPTIONAL, OFF)
KEY = "ecosphere_second_factor"
#: Length of a time step, and the steps before and after the present one of which a code is taken.
STEP_SECONDS, WINDOW = 30, 1
RECOVERY_CODES = 10
LONGEST_CODE = 40
#: Action that only moderators of data requests may call.
MODERATION = "ecosphere_request_held_list"


def unknown_values() -> list[str]:
    """Return the words of the option that mean nothing: a misspelled role would require nothing."""
    return [value for value in tk.config[SECOND_FACTOR] if value not in VALUES]


def is_offered() -> bool:
    """Return whether people may set up a second factor, and are asked for it."""
    return OFF not in tk.config[SECOND_FACTOR]


def is_required(user: model.User) -> bool:
    """Return whether a role of a person needs a second factor."""
    roles = tk.config[SECOND_FACTOR]
    if user.sysadmin and SYSADMIN in roles:
        return True
    edits = authz.has_user_permission_for_some_org(user.name, "create_dataset")
    if edits and EDITORS in roles:
        return True
    if MODERATORS not in roles or not p.plugin_loaded("ecosphere_requests"):
        return False
    person: Any = {"user": user.name, "auth_user_obj": user}
    return authz.is_authorized_boolean(MODERATION, person, {})


def record_of(user: model.User) -> DataDict:
    """Return what is kept of a person's second factor; empty if there is none."""
    return (user.plugin_extras or {}).get(KEY) or {}


def ecosphere_second_factor(user_id: str) -> DataDict:
    """Return the state of an account's second factor for its page.

    Empty if there is none to be had.
    """
    user = model.User.get(user_id)
    if user is None or not is_offered():
        return {}
    codes_left = len(record_of(user).get("recovery", ()))
    is_set_up = bool(record_of(user))
    return {"is_set_up": is_set_up, "is_required": is_required(user), "codes_left": codes_left}


def new_secret() -> str:
    """Return a random secret of 160 bits, in base 32 as authenticator apps take it."""
    return random_base32()


def invitation(user: model.User, secret: str) -> dict[str, str]:
    """Return the ways to bring a secret into an app: as text, as an `otpauth` address,
    as the QR code of that.
    """
    issuer = tk.config["ckan.site_title"]
    address = TOTP(secret).provisioning_uri(name=user.name, issuer_name=issuer)
    code: Any = segno.make(address)
    picture = code.svg_data_uri(scale=5, border=4, light="white")
    return {"secret": secret, "address": address, "picture": picture}


def turn_on(user: model.User, secret: str, code: str) -> list[str]:
    """Give a person a second factor, in the place of the one before, and write to them.

    Args:
        user: the person.
        secret: secret that the person's app has taken.
        code: a present code of the app.

    Returns:
        the recovery codes, which are not kept as text; none if the code is wrong, and nothing is
        changed.
    """
    step = _matching_step(secret, _cleaned(code), 0)
    if step is None:
        return []
    codes = [f"{secrets.token_hex(5)}-{secrets.token_hex(5)}" for _number in range(RECOVERY_CODES)]
    digests = [_digest(_cleaned(recovery_code)) for recovery_code in codes]
    accounts.keep_note(user.id, KEY, {"secret": secret, "step": step, "recovery": digests})
    _announce(user)
    return codes


def turn_off(user: model.User) -> None:
    """Take the second factor of a person away, and write to them."""
    accounts.keep_note(user.id, KEY, None)
    _announce(user)


def takes(user: model.User, code: str) -> bool:
    """Tell whether a code of the app or a recovery code is right, and use it up.

    The row is locked: of two log-ins with one code, one succeeds. A wrong code takes as long as a
    wrong password.
    """
    rows = model.Session.query(model.User).filter_by(id=user.id)
    record = record_of(rows.populate_existing().with_for_update().one())
    remaining = _use_up(record, _cleaned(code))
    if not remaining:
        model.Session.rollback()
        user.validate_password(code[:LONGEST_CODE])
        return False
    accounts.keep_note(user.id, KEY, remaining)
    return True


def _use_up(record: DataDict, code: str) -> DataDict:
    """Return the record once a code is used up; empty if the code is wrong."""
    if not record:
        return {}
    step = _matching_step(record["secret"], code, record["step"])
    if step is not None:
        return {**record, "step": step}
    digest = _digest(code)
    digests = record["recovery"]
    if digest in digests:
        return {**record, "recovery": [other for other in digests if other != digest]}
    return {}


def _matching_step(secret: str, code: str, last_step: int) -> int | None:
    """Return the time step of a code, if it is near the present one and
    after the last one that was used.
    """
    now = int(time.time()) // STEP_SECONDS
    generator = TOTP(secret, interval=STEP_SECONDS)
    for step in range(max(now - WINDOW, last_step + 1), now + WINDOW + 1):
        if strings_equal(generator.generate_otp(step), code):
            return step
    return None


def _cleaned(code: str) -> str:
    """Return a code without the spaces and hyphens that make it readable."""
    return "".join(code.split()).replace("-", "").lower()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()


def _announce(user: model.User) -> None:
    """Note a change in the log, and queue the e-mail about it:
    whoever knows the password might have made it.
    """
    log.info("The second factor of the account %s has changed", user.id)
    enqueue_once(
        send,
        [user.id, language.current()],
        job_id=f"ecosphere-second-factor-{user.id}",
        title="Accounts: the second factor has changed",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )


def send(user_id: str, lang: str) -> None:
    """Send the e-mail; it is not tried again if the mail server refuses it."""
    user = model.User.get(user_id)
    if user is None or not user.is_active or not user.email:
        return
    with language.speaking(lang):
        sentence = _("The account “{account}” on “{title}” has no second factor any more.")
        if record_of(user):
            sentence = _("The account “{account}” on “{title}” asks for a code at each log-in now.")
        advice = _(
            "If it was not you, set a new password and write to the portal’s administrators."
        )
        title = tk.config["ckan.site_title"]
        mail = {
            "headers": mailing.AUTOMATIC,
            "recipient_name": user.name,
            "recipient_email": user.email,
            "subject": mailing.subject(_("The second factor of your account has changed")),
            "body": f"{sentence.format(account=user.name, title=title)}\n\n{advice}",
        }
    try:
        mailing.hand_over(**mail)
    except mailing.FAULTS as error:
        log.warning("The e-mail about a second factor could not be sent: %s", error)
