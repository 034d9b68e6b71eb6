"""Validators of numbers, in French notation, as exported by spreadsheets, or as JSON numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import ckan.plugins.toolkit as tk

_BLANKS = re.compile(r"[\s\u00a0\u202f]")
#: A denominator, optionally with points between thousands, or with zero decimals as exported by spreadsheets.
_SCALE = re.compile(r"(?:1[:/])?([1-9][0-9]{0,2}(?:\.[0-9]{3}){1,3}|[1-9][0-9]{0,9}(?=\.0|$))(?:\.0{1,9})?")


def ecosphere_positive_number(value: Any) -> Any:
    """Return a positive number as text; a decimal comma and blanks between digits are accepted.

    Raises:
        Invalid: it is not a positive number.
    """
    text = _BLANKS.sub("", _written_out(value)).replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,30})?", text) or float(text) <= 0:
        raise tk.Invalid(tk._('"{value}" is not a number above zero').format(value=value))
    return text[:-2] if text.endswith(".0") else text


def _written_out(value: Any) -> str:
    """Return a value as text, JSON numbers without an exponent (``str(0.00001)`` is "1e-05")."""
    return f"{Decimal(str(value)):f}" if isinstance(value, float) and math.isfinite(value) else str(value)


def ecosphere_scale(value: Any) -> Any:
    """Return the denominator of a scale as text: "1:25 000", "1/25000" and "25000" give "25000".

    Raises:
        Invalid: it is not a scale.
    """
    text = _BLANKS.sub("", _written_out(value))
    match = _SCALE.fullmatch(text)
    if not match:
        raise tk.Invalid(tk._('"{value}" is not a scale: write its denominator, such as 25000').format(value=value))
    return match.group(1).replace(".", "")


def ecosphere_size(value: Any) -> Any:
    """Return a size in bytes as an integer.

    Raises:
        Invalid: it is not a non-negative integer.
    """
    text = _BLANKS.sub("", _written_out(value))
    if not re.fullmatch(r"[0-9]{1,18}(\.0{1,9})?", text):
        raise tk.Invalid(tk._('"{value}" is not a size in bytes').format(value=value))
    return int(text.partition(".")[0])
