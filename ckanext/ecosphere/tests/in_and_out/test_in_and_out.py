"""A plain CKAN with 200 datasets takes the plugins in, leaves them, and takes them in again: nothing is lost.

Each stage is a CKAN process with a configuration of its own on the same database and core (see `stages`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ckan import model

from ckanext.ecosphere.tests.in_and_out import stages

ROOT = Path(__file__).resolve().parents[4]
PLAIN = """[app:main]
use =
ckan.site_id = ecosphere_test
ckan.site_url = http://test.ckan.net
SECRET_KEY = only-for-tests
ckan.plugins = activity
ckan.search.rows_max = 1000
ckan.auth.create_unowned_dataset = false
WTF_CSRF_ENABLED = false
testing = true
sqlalchemy.url = postgresql://ckan:ckan@127.0.0.1/ckan_test
ckan.redis.url = redis://127.0.0.1:6379/1
solr_url = http://127.0.0.1:8983/solr/ckan_test

[loggers]
keys = root

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARNING
handlers = console

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic

[formatter_generic]
format = %(message)s
"""
#: The portal of the tests, without the services of the ministry, which take half a minute to make.
OURS = """[app:main]
use = config:{ini}
ecosphere.init.organisations = false
ckan.search.rows_max = 1000
"""


@pytest.fixture
def seen(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, with_plugins: None, clean_db: None
) -> dict[str, Any]:
    """What each stage saw, by name of the stage."""
    folder = tmp_path_factory.mktemp("in-and-out")
    plain, ours = folder / "plain.ini", folder / "ours.ini"
    plain.write_text(PLAIN)
    ours.write_text(OURS.format(ini=ROOT / str(request.config.getoption("--ckan-ini"))))
    model.Session.remove()
    model.meta.engine.dispose()
    found = {}
    for name, ini in (("before", plain), ("inside", ours), ("outside", plain), ("back", ours)):
        command = [sys.executable, "-m", stages.__name__, name, str(ini), str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))
        assert done.returncode == 0, f"{name}:\n{done.stderr[-5000:]}"
        found[name] = json.loads((folder / f"{name}.json").read_text())
    return {**found, "folder": folder}


def test_all(seen):
    pass
