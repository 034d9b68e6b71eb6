"""Warnings in answers of the API: the header `Warning` (RFC 7234), one line each."""

from __future__ import annotations

from typing import Any

from flask import after_this_request, has_request_context, request

#: Miscellaneous persistent warning (RFC 7234).
CODE = 299


def add(text: str) -> None:
    """Add a warning to the answer, if a program is being answered.

    Args:
        text: a few English words with names of fields, never values.
    """
    if not has_request_context() or not request.path.startswith("/api/"):
        return

    @after_this_request
    def add_header(response: Any) -> Any:
        response.headers.add("Warning", f'{CODE} - "{text}"')
        return response
