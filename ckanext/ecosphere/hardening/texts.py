"""Defects 32 and 33: texts that CKAN's own forms and API accept are sanitised and bounded; Markdown
takes linear time.

CKAN itself accepts a right-to-left override in a person's name, NUL, lone surrogates, and texts of
unlimited length. So does ckanext-harvest in its sources. Its Markdown helpers take quadratic time
in the length of the text; templates and views look helpers up by name, which a plugin may override.
Not yet accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict
from markupsafe import Markup

from ckanext.ecosphere.shared import characters, rich_text

#: Field → maximum number of characters, in the actions of :data:`ACTIONS`.
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
#: Limit of any other text, such as an option set by an administrator on a page.
LONGEST_OTHER = 50_000
#: Kept as typed; the API guard and CKAN's own validator limit their length.
SECRETS = {"password", "password1", "password2"}
#: URLs of pictures, loaded by every reader's browser.
PICTURES = {"image_url"}
_ELSEWHERE = re.compile(r"//|(?!https:)[A-Za-z][A-Za-z0-9+.-]{0,20}:")
"""Another scheme, or none before a host."""
_NOT_IN_ADDRESSES = re.compile(r"[\s\"'<>\\]")
#: Single-line fields.
LINES = {"name", "fullname", "email", "title"}
#: Text fields: CKAN would convert any other value to a string.
TEXTS = {"name", "fullname", "email", "about", "title", "description", "image_url"}
#: `organisations.py` does the same for groups and organisations.
ACTIONS = ("user_create", "user_update", "config_option_update")
ACTIONS_OF_HARVEST = ("harvest_source_create", "harvest_source_update")


def cleaned(data: DataDict) -> DataDict:
    """Return submitted data with its texts cleaned.

    Raises:
        ValidationError: errors by field: a text that is too long, not a text, or an unsafe picture
            URL.
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
            errors[name] = [
                tk._("Write the address of a picture with https://, or upload the picture.")
            ]
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
    # The original checks access, if only by an action it calls.
    return auth_audit_exempt(tk.chained_action(action))


def get_actions() -> dict[str, Callable[..., Any]]:
    """Return the chained actions by name; those of ckanext-harvest if it is loaded."""
    names = ACTIONS + (ACTIONS_OF_HARVEST if p.plugin_loaded("harvest") else ())
    return {name: _with_clean_texts(name) for name in names}


def render_markdown(data: str | None, auto_link: bool = True, allow_html: bool = False) -> Markup:
    """Return Markdown as sanitised HTML, in linear time.

    Args:
        data: Markdown from a person or a source.
        auto_link: ignored, for CKAN's templates; URLs always become links.
        allow_html: ignored, for CKAN's templates; HTML is always shown as text.
    """
    return Markup(rich_text.to_html(data))  # noqa: S704 - cleaned by nh3


def markdown_extract(text: str | None, extract_length: int = 190) -> str:
    """Return the beginning of a text without its markup; all of it for a length of 0."""
    return rich_text.excerpt(text, extract_length)


HELPERS = {"render_markdown": render_markdown, "markdown_extract": markdown_extract}
