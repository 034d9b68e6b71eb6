"""Configurations of a plain CKAN and of one with the plugins, on the same empty database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan.cli import CKANConfigLoader

from ckanext.ecosphere.search import setup
from ckanext.ecosphere.search.tests.conftest import give_french

ROOT = Path(__file__).resolve().parents[4]
PLAIN = """[app:main]
use =
ckan.site_id = ecosphere_test
ckan.site_url = http://test.ckan.net
SECRET_KEY = only-for-tests
ckan.plugins = activity {more}
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
#: The portal of the tests, without the ministry's organisations, which take half a minute to
#: create.
OURS = """[app:main]
use = config:{ini}
ecosphere.init.organisations = false
ckan.plugins = {plugins}
ckan.search.rows_max = 1000
"""


@pytest.fixture(scope="module")
def configurations(request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[Path, Path]]]:
    """Write the configurations of both into a folder: of a plain CKAN with some plugins, and of
    ours with them.

    Solr's schema is the French one again afterwards, for the other tests.
    """

    def write(folder: Path, *more: str) -> tuple[Path, Path]:
        _empty_tables()
        ini = ROOT / str(request.config.getoption("--ckan-ini"))
        ours = tk.aslist(CKANConfigLoader(str(ini)).get_config()["ckan.plugins"])
        after = ours.index("harvest") + 1
        plugins = " ".join(
            [*ours[:after], *(name for name in more if name not in ours), *ours[after:]]
        )
        plain, with_plugins = folder / "plain.ini", folder / "ours.ini"
        plain.write_text(PLAIN.format(more=" ".join(more)))
        with_plugins.write_text(OURS.format(ini=ini, plugins=plugins))
        return plain, with_plugins

    yield write
    give_french(setup.solr())


def _empty_tables() -> None:
    """Empty all tables of the test database, whichever plugin created them:
    no plugin is loaded here.
    """
    engine = sa.create_engine(tk.config["sqlalchemy.url"])
    names = [
        name
        for name in sa.inspect(engine).get_table_names()
        if "alembic" not in name and "spatial" not in name
    ]
    if names:
        with engine.begin() as connection:
            quoted = ", ".join(f'"{name}"' for name in names)
            connection.execute(sa.text(f"TRUNCATE {quoted} CASCADE"))
    engine.dispose()
