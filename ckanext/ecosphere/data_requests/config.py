"""Options of the room, read in this module only."""

from __future__ import annotations

from pathlib import Path

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.mailing import sending

#: Of CKAN's background jobs.
QUEUE = "ecosphere:requests"
MODERATORS = "ecosphere.requests.moderators"
TRUST_AFTER = "ecosphere.requests.trust_after"
RELEASE_AFTER = "ecosphere.requests.release_after"
COMMENT_DELAY = "ecosphere.requests.comment_delay"
MODERATION_DIGEST = "ecosphere.requests.moderation_digest"
CLOCK = "ecosphere.requests.clock"
ANSWER_MONTHS = "ecosphere.requests.answer_months"
EXTENDED_MONTHS = "ecosphere.requests.extended_months"
POSTPONE = "ecosphere.requests.postpone"
CLOCK_STOPS = "ecosphere.requests.clock_stops_for_details"
ANONYMISE_MONTHS = "ecosphere.requests.anonymise_months"
STATISTICS_THRESHOLD = "ecosphere.requests.statistics_threshold"
STATISTICS_CACHE = "ecosphere.requests.statistics_cache"
REQUESTS_PER_DAY = "ecosphere.requests.requests_per_day"
COMMENTS_PER_HOUR = "ecosphere.requests.comments_per_hour"
FORMS_PER_HOUR = "ecosphere.requests.forms_per_hour"
ADDRESS_FACTOR = "ecosphere.requests.address_factor"
SERVICE_FACTOR = "ecosphere.requests.service_factor"
LINKS = "ecosphere.requests.links"
ATTACHMENT_TYPES = "ecosphere.requests.attachment_types"
ATTACHMENT_MEGABYTES = "ecosphere.requests.attachment_megabytes"
ATTACHMENT_SCANNER = "ecosphere.requests.attachment_scanner"
EMAIL = "ecosphere.requests.email"
REPLY_ADDRESS = "ecosphere.requests.reply_address"
REPLY_DAYS = "ecosphere.requests.reply_days"
REPLY_MEGABYTES = "ecosphere.requests.reply_megabytes"
IMAP = "ecosphere.requests.imap"
IMAP_PASSWORD = "ecosphere.requests.imap_password"  # noqa: S105 - the name of the option
ESCALATION_ADMINISTRATORS = "ecosphere.requests.escalation_administrators"
ESCALATION_CHIEF = "ecosphere.requests.escalation_chief"

FOLDER = "ecosphere_requests"


def moderators() -> str:
    """Return the name of the organisation that moderates."""
    return tk.config[MODERATORS]


def trust_after() -> int:
    """Return the number of accepted requests that make a person trusted."""
    return tk.config[TRUST_AFTER]


def release_after() -> int:
    """Return the number of contributions let through by moderators from which a person's texts are shown at once."""
    return tk.config[RELEASE_AFTER]


def comment_delay() -> int:
    """Return the minutes for which e-mails about comments wait for others about the same request."""
    return tk.config[COMMENT_DELAY]


def moderation_digest() -> int:
    """Return the minutes between two e-mails that tell a moderator of what waits."""
    return tk.config[MODERATION_DIGEST]


def clock() -> bool:
    """Tell whether requests have a due date."""
    return tk.config[CLOCK]


def answer_months() -> int:
    """Return the length of the first period, in months."""
    return tk.config[ANSWER_MONTHS]


def extended_months() -> int:
    """Return the length of the extended period, in months from the receipt."""
    return tk.config[EXTENDED_MONTHS]


def postpone() -> str:
    """Return how a period that ends on a day off goes on: never, sundays or workdays."""
    return tk.config[POSTPONE]


def clock_stops() -> bool:
    """Tell whether waiting for the requester prolongs the period."""
    return tk.config[CLOCK_STOPS]


def anonymise_months() -> int:
    """Return the months after which a closed request is anonymised."""
    return tk.config[ANONYMISE_MONTHS]


def statistics_threshold() -> int:
    """Return the number of private requests from which a public figure counts them."""
    return tk.config[STATISTICS_THRESHOLD]


def statistics_cache() -> int:
    """Return the seconds for which the public statistics are kept."""
    return tk.config[STATISTICS_CACHE]


def requests_per_day() -> int:
    """Return how many requests a person may make in a day."""
    return tk.config[REQUESTS_PER_DAY]


def comments_per_hour() -> int:
    """Return how much a person may write in an hour."""
    return tk.config[COMMENTS_PER_HOUR]


def forms_per_hour() -> int:
    """Return how many forms of people who are not logged in are kept for one address in an hour."""
    return tk.config[FORMS_PER_HOUR]


def address_factor() -> int:
    """Return how many times as much may come from one address."""
    return tk.config[ADDRESS_FACTOR]


def service_factor() -> int:
    """Return how many times as much people of services may send."""
    return tk.config[SERVICE_FACTOR]


def links() -> int:
    """Return how many links a text may hold."""
    return tk.config[LINKS]


def attachment_types() -> list[str]:
    """Return the extensions of files that are taken, in lower case without the dot."""
    return [each.lower().lstrip(".") for each in tk.config[ATTACHMENT_TYPES]]


def attachment_bytes() -> int:
    """Return the largest size of a file, in bytes."""
    return tk.config[ATTACHMENT_MEGABYTES] * 1024 * 1024


def attachment_scanner() -> str:
    """Return the command that looks at files, "" for none."""
    return tk.config[ATTACHMENT_SCANNER]


def email() -> bool:
    """Tell whether people are told by e-mail."""
    return tk.config[EMAIL]


def mail_works() -> bool:
    """Tell whether e-mails are wanted and CKAN knows a server for them; it drops them silently otherwise."""
    return email() and sending.is_configured()


def escalation_administrators() -> int | None:
    """Return the days after the due date (negative before it) from which administrators of the service are told."""
    return _days(ESCALATION_ADMINISTRATORS)


def escalation_chief() -> int | None:
    """Return the days after the due date from which the chief of the service, or else the moderators, are told."""
    return _days(ESCALATION_CHIEF)


def _days(option: str) -> int | None:
    """Return a number of days, None when the option is empty or "none": then nobody is told."""
    written = str(tk.config[option] if tk.config[option] is not None else "").strip().lower()
    return None if written in ("", "none") else int(written)


def reply_address() -> str:
    """Return the address that takes replies by e-mail, without a token; "" when they are not taken."""
    return str(tk.config[REPLY_ADDRESS] or "").strip()


def reply_days() -> int:
    """Return the days for which a reply address is good."""
    return tk.config[REPLY_DAYS]


def reply_bytes() -> int:
    """Return the largest size of a reply, in bytes."""
    return tk.config[REPLY_MEGABYTES] * 1024 * 1024


def imap() -> str:
    """Return the address of the mailbox of replies (imaps://user@host/folder), "" when they come another way."""
    return str(tk.config[IMAP] or "").strip()


def imap_password() -> str:
    """Return the password of the mailbox of replies."""
    return str(tk.config[IMAP_PASSWORD] or "")


def secret() -> str:
    """Return the secret with which the portal signs."""
    return str(tk.config["SECRET_KEY"])


def folder() -> Path | None:
    """Return the folder of the files of the conversations, None when CKAN keeps no files (`ckan.storage_path`)."""
    storage = tk.config.get("ckan.storage_path")
    return Path(storage) / FOLDER if storage else None
