"""CKAN's Markdown helpers, replaced by ours: those of CKAN take a time that grows with the square of the text.

Templates and views of CKAN find helpers by name, which a plugin may override: see `docs/upstream.md`.
"""

from __future__ import annotations

from markupsafe import Markup

from ckanext.ecosphere.shared import rich_text


def render_markdown(data: str | None, auto_link: bool = True, allow_html: bool = False) -> Markup:
    """Return Markdown as harmless HTML, in linear time.

    Args:
        data: what a person or a source wrote.
        auto_link: taken for CKAN's templates; addresses are always made links.
        allow_html: taken for CKAN's templates; HTML is always shown as text.
    """
    return Markup(rich_text.to_html(data))  # noqa: S704 - cleaned by nh3


def markdown_extract(text: str | None, extract_length: int = 190) -> str:
    """Return the beginning of a text without its markup; all of it for a length of 0."""
    return rich_text.excerpt(text, extract_length)


HELPERS = {"render_markdown": render_markdown, "markdown_extract": markdown_extract}
