"""Configuration options of data requests, read in this module only.

`config_declaration.yaml` has their defaults, and CKAN's validators make each value its type.
"""

from __future__ import annotations

from pathlib import Path

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.contact.sheets import ContactSheet
from ckanext.ecosphere.shared import mailing

#: Queue of CKAN's background jobs.
QUEUE = "ecosphere:requests"
MODERATORS = "ecosphere.requests.moderators"
#: Options of the ministry's desk; field of a contact sheet → its name in the options.
DESK = "ecosphere.requests.desk_{field}"
DESK_FIELDS = {
    "full_name": "name",
    "address": "address",
    "email": "email",
    "telephone": "telephone",
}
REQUESTS_PER_DAY = "ecosphere.requests.requests_per_day"
ATTACHMENT_MEGABYTES = "ecosphere.requests.attachment_megabytes"
ATTACHMENT_SCANNER = "ecosphere.requests.attachment_scanner"
REPLY_ADDRESS = "ecosphere.requests.reply_address"


def _text(option: str) -> str:
    return str(tk.config[option] or "").strip()


def moderators() -> str:
    """Return the name of the moderating organisation."""
    return tk.config[MODERATORS]


def requests_until_trusted() -> int:
    """Return how many accepted requests a user needs so that new ones open without moderation."""
    return tk.config["ecosphere.requests.trust_after"]


def contributions_until_trusted() -> int:
    """Return how many released contributions a user needs so that further texts appear at once."""
    return tk.config["ecosphere.requests.release_after"]


def comment_delay() -> int:
    """Return the delay of e-mails about comments, in minutes: it groups those about one request."""
    return tk.config["ecosphere.requests.comment_delay"]


def moderation_digest() -> int:
    """Return the delay of e-mails to moderators, in minutes: one lists all that waits for them."""
    return tk.config["ecosphere.requests.moderation_digest"]


def clock() -> bool:
    """Return whether requests have a due date."""
    return tk.config["ecosphere.requests.clock"]


def answer_months() -> int:
    """Return the length of the first period, in months."""
    return tk.config["ecosphere.requests.answer_months"]


def extended_months() -> int:
    """Return the length of the extended period, in months from the receipt."""
    return tk.config["ecosphere.requests.extended_months"]


def desk() -> ContactSheet:
    """Return how the ministry's desk is reached.

    It acknowledges requests for services that cannot be reached.
    """
    contact = {field: _text(DESK.format(field=name)) for field, name in DESK_FIELDS.items()}
    lines = [line.strip() for line in contact["address"].split(";")]
    contact["address"] = "\n".join(line for line in lines if line)
    return ContactSheet(**contact)


def clock_stops() -> bool:
    """Return whether waiting for the requester extends the period."""
    return tk.config["ecosphere.requests.clock_stops_for_details"]


def anonymise_months() -> int:
    """Return the months after which a closed request is anonymised."""
    return tk.config["ecosphere.requests.anonymise_months"]


def statistics_threshold() -> int:
    """Return the number of private requests from which a figure includes them."""
    return tk.config["ecosphere.requests.statistics_threshold"]


def requests_per_day() -> int:
    """Return how many requests of a trusted user in a day are opened without a moderator."""
    return tk.config[REQUESTS_PER_DAY]


def most_requests_per_day() -> int:
    """Return the maximum number of requests of a user in a day."""
    return max(tk.config["ecosphere.requests.most_requests_per_day"], tk.config[REQUESTS_PER_DAY])


def comments_per_hour() -> int:
    """Return the maximum number of contributions of a user in an hour."""
    return tk.config["ecosphere.requests.comments_per_hour"]


def forms_per_hour() -> int:
    """Return the maximum number of forms of anonymous users stored in an hour, by IP address."""
    return tk.config["ecosphere.requests.forms_per_hour"]


def signals_of_dataset() -> int:
    """Return how many signals of untrusted people about one dataset may wait for a moderator."""
    return tk.config["ecosphere.requests.signals_of_dataset"]


def signals_waiting() -> int:
    """Return how many signals of untrusted people may wait for a moderator in all."""
    return tk.config["ecosphere.requests.signals_waiting"]


def address_factor() -> int:
    """Return the factor by which limits for an IP address exceed those for a user."""
    return tk.config["ecosphere.requests.address_factor"]


def service_factor() -> int:
    """Return the factor by which limits for people of services exceed those for other users."""
    return tk.config["ecosphere.requests.service_factor"]


def links() -> int:
    """Return the maximum number of links in a text."""
    return tk.config["ecosphere.requests.links"]


def attachment_types() -> list[str]:
    """Return the accepted file extensions, in lower case without the dot."""
    return [
        extension.lower().lstrip(".")
        for extension in tk.config["ecosphere.requests.attachment_types"]
    ]


def attachment_bytes() -> int:
    """Return the maximum size of a file, in bytes."""
    return tk.config[ATTACHMENT_MEGABYTES] * 1024 * 1024


def attachment_scanner() -> str:
    """Return the command that scans files, "" for none."""
    return tk.config[ATTACHMENT_SCANNER]


def email() -> bool:
    """Return whether notifications are sent by e-mail."""
    return tk.config["ecosphere.requests.email"]


def mail_works() -> bool:
    """Return whether e-mails are enabled and CKAN can send them: else it drops them silently."""
    return email() and mailing.is_configured()


def escalation_administrators() -> int | None:
    """Return from which day on the service's administrators are notified of a late request.

    In days after the due date, negative before it; None for no notification.
    """
    return _days("ecosphere.requests.escalation_administrators")


def escalation_chief() -> int | None:
    """Return from which day on the head of the service, or else the moderators, are notified."""
    return _days("ecosphere.requests.escalation_chief")


def _days(option: str) -> int | None:
    """Return a number of days, None when the option is empty or "none"."""
    days = str(tk.config[option]).strip().lower()
    if days in ("", "none"):  # an option without a value is None: "none", too
        return None
    return int(days)


def reply_address() -> str:
    """Return the address for replies by e-mail, without a token; "" when they are not accepted."""
    return _text(REPLY_ADDRESS)


def reply_days() -> int:
    """Return the validity of a reply address, in days."""
    return tk.config["ecosphere.requests.reply_days"]


def reply_bytes() -> int:
    """Return the maximum size of a reply, in bytes."""
    return tk.config["ecosphere.requests.reply_megabytes"] * 1024 * 1024


def reply_server() -> str:
    """Return the name of the mail server whose `Authentication-Results` are believed.

    "" when the server itself refuses e-mails of forged senders.
    """
    return _text("ecosphere.requests.reply_authserv_id")


def imap() -> str:
    """Return the URL of the mailbox of replies (imaps://user@host/folder), "" for none."""
    return _text("ecosphere.requests.imap")


def imap_password() -> str:
    """Return the password of the mailbox of replies."""
    return str(tk.config["ecosphere.requests.imap_password"] or "")


def folder() -> Path | None:
    """Return the folder of the files of requests, None when CKAN stores no files."""
    storage = tk.config.get("ckan.storage_path")
    if storage:
        return Path(storage) / "ecosphere_requests"
    return None
