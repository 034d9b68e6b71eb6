"""Internal errors of ours are told from those of CKAN by their innermost frame."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.tests.internal_errors import PACKAGE, InternalErrors, internal_errors

__all__ = ["internal_errors"]
OF_CKAN = "/venv/site-packages/ckan/logic/action/get.py"


@pytest.mark.parametrize(
    ("file", "is_ours"), [(f"{PACKAGE}/search/query.py", True), (OF_CKAN, False)]
)
def test_the_innermost_frame_decides(
    internal_errors: InternalErrors,
    made_app: Any,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    is_ours: bool,
):
    failing: dict[str, Any] = {}
    exec(compile("def fail(context, data_dict): 1 / 0", file, "exec"), failing)
    names = made_app._wsgi_app.view_functions["api.action"].__globals__
    monkeypatch.setitem(names, "get_action", lambda _name: failing["fail"])
    internal_errors.is_ours = not is_ours
    answer = made_app._wsgi_app.test_client().post("/api/3/action/status_show", json={})
    assert (answer.status_code, internal_errors.is_ours) == (500, is_ours)
