"""Internal errors of ours are told from those of CKAN by their innermost frame."""

from __future__ import annotations

import logging

import pytest

from ckanext.ecosphere.tests.internal_errors import LOG, PACKAGE, InternalErrors, internal_errors

__all__ = ["internal_errors"]
OF_CKAN = "/venv/site-packages/ckan/logic/action/get.py"


@pytest.mark.parametrize(("file", "is_ours"), [(f"{PACKAGE}/search/query.py", True), (OF_CKAN, False)])
def test_the_innermost_frame_decides(internal_errors: InternalErrors, file: str, is_ours: bool):
    internal_errors.is_ours = not is_ours
    try:
        exec(compile("1 / 0", file, "exec"))
    except ZeroDivisionError:
        logging.getLogger(LOG).exception("failed")
    assert internal_errors.is_ours is is_ours
