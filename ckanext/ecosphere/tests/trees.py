"""Syntax trees of modules, parsed while no garbage is collected.

Up to CPython 3.11.4, another thread or a finaliser that parses meanwhile makes `ast.parse` fail
with "recursion depth mismatch" (gh-106905); both run when garbage is collected.
"""

from __future__ import annotations

import ast
import gc


def parsed(text: str) -> ast.Module:
    """Return the syntax tree of a module."""
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()
