"""Texts that CKAN's own forms and API take of people: bounded, and without characters that deceive or break.

CKAN itself accepts a right-to-left override in the name of a person, NUL, half a surrogate pair, and texts without an
end; see `docs/upstream.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict

from ckanext.ecosphere.shared import characters

#: Field → characters at most, in the actions of :data:`ACTIONS`.
LONGEST = {
    "name": 100,
    "fullname": 200,
    "email": 254,
    "about": 5_000,
    "title": 500,
    "description": 20_000,
    "notes": 20_000,
    "url": 4_000,
    "image_url": 4_000,
    "config": 50_000,
}
#: Of any other text, as an option that an administrator writes into a page.
LONGEST_OTHER = 50_000
#: Kept as they are typed; their length is bounded at the door of the API and by CKAN's own validator.
SECRETS = {"password", "password1", "password2"}
#: Addresses of pictures that every reader's browser asks for.
PICTURES = {"image_url"}
_ELSEWHERE = re.compile(r"//|(?!https:)[A-Za-z][A-Za-z0-9+.-]{0,20}:")
"""Another scheme, or none before a host."""
_NOT_IN_ADDRESSES = re.compile(r"[\s\"'<>\\]")
#: Fields of one line.
LINES = {"name", "fullname", "email", "title"}
#: Fields that are texts, where CKAN makes one of whatever it is given.
TEXTS = {"name", "fullname", "email", "about", "title", "description", "image_url"}
#: Those of groups and services are cleaned by `groups.py`.
ACTIONS = ("user_create", "user_update", "config_option_update")


def cleaned(data: DataDict) -> DataDict:
    """Return what a person sent with its texts cleaned.

    Raises:
        ValidationError: a text is too long; it names the field and the limit.
    """
    errors: Any = {}
    result = dict(data)
    for name, value in data.items():
        if name in TEXTS and not isinstance(value, str | None):
            errors[name] = [tk._("Give one text here.")]
        if not isinstance(value, str) or name in SECRETS:
            continue
        most = LONGEST.get(name, LONGEST_OTHER)
        if len(value) > most:
            errors[name] = [tk._("Too long: {number} characters at most.").format(number=most)]
        elif name in PICTURES and _NOT_IN_ADDRESSES.search(value.strip()):
            errors[name] = [tk._("Write an address without spaces, quotes or angle brackets.")]
        elif name in PICTURES and _ELSEWHERE.match(value.strip()):
            errors[name] = [tk._("Write the address of a picture with https://, or upload the picture.")]
        elif name in LINES and not (characters.is_clean(value) and len(value.splitlines()) <= 1):
            result[name] = characters.one_line(value)
        elif not characters.is_clean(value):
            result[name] = characters.clean(value)
    if errors:
        raise tk.ValidationError(errors)
    return result


def _with_clean_texts(name: str) -> Callable[..., Any]:
    def action(original_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        return original_action(context, cleaned(data_dict))

    action.__name__ = name
    action.__doc__ = f"Clean and bound the texts that `{name}` of CKAN takes, then call it."
    return auth_audit_exempt(tk.chained_action(action))  # the original asks, by itself or by an action that it calls


def get_actions(names: Iterable[str] = ACTIONS) -> dict[str, Callable[..., Any]]:
    """Return the chained actions by name, for CKAN.

    Args:
        names: of CKAN's actions, or of another extension's, when that extension is loaded.
    """
    return {name: _with_clean_texts(name) for name in names}
