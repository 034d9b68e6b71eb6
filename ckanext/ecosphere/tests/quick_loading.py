"""Shortcuts for slow operations that tests repeat: loading plugins, emptying tables,
hashing passwords.
"""

from __future__ import annotations

import inspect
import pickle
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from types import CodeType, ModuleType
from typing import IO, Any

import ckan.plugins.toolkit as tk
import freezegun.api
import pytest
import sqlalchemy as sa
import yaml
from ckan import model
from ckan.config import environment
from ckan.config.declaration import load as declarations
from ckan.config.declaration.load import load_dict
from ckan.lib import search
from ckan.lib.navl import dictization_functions
from ckan.logic.schema import config_declaration_v1
from ckan.model import user
from ckan.plugins import core
from jinja2 import Environment
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from werkzeug.routing import Rule

from ckanext.ecosphere.hardening.web import log_in


@contextmanager
def quickly() -> Iterator[None]:
    """Speed up the loading of plugins and other repeated operations, without changing their
    results.

    For each template directory and asset library, CKAN retrieves the whole call stack with its
    source lines, only to find the calling file. For each plugin, it reads the entry points of every
    installed package. Each application compiles two functions per route, most of which are never
    called, and compiles its templates again. The same YAML files are parsed each time, with the
    parser written in Python, and their option declarations validated. CKAN also fetches Solr's
    whole schema to read its version. To empty the database, it checks each table for existence;
    after creating the tables, it opens a connection for each query; and it pings the database
    before each use of a connection. Hashing a password takes a hundredth of a second, on purpose.
    And freezegun sorts the names of every module of the process, each time it stops or restarts the
    clock.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspect, "stack", _stack)
        patch.setattr(core, "entry_points", cache(metadata.entry_points().select))
        patch.setattr(Rule, "_compile_builder", _compile_builder)
        patch.setattr(yaml, "SafeLoader", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        patch.setattr(yaml, "load", _Parsed(yaml.load))
        patch.setitem(declarations.handler._types, "dict", _load_declarations)
        patch.setattr(declarations, "load_dict", _load_declarations)
        patch.setattr(environment, "search", _Search())
        patch.setattr(Environment, "compile", _compile)
        patch.setattr(model.Repository, "delete_all", _delete_all)
        patch.setattr(model.Repository, "upgrade_db", _upgrade_db)
        patch.setattr(user, "pbkdf2_sha512", CHEAP_HASH)
        patch.setattr(log_in, "_hashes", lambda: CHEAP_HASH)
        patch.setattr(PGDialect_psycopg2, "do_ping", _do_ping)
        patch.setattr(freezegun.api, "_get_module_attributes_hash", _names_of_module)
        yield


CHEAP_HASH: Any = user.pbkdf2_sha512.using(rounds=100)
"""CKAN's password hashing, with fewer rounds."""


_ping = PGDialect_psycopg2.do_ping


def _do_ping(self: PGDialect_psycopg2, connection: Any) -> bool:
    """Ping the server only if it has sent something unasked,
    such as the closing of the connection.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return _ping(self, connection) if poll.poll(0) else True


def _names_of_module(module: ModuleType) -> str:
    """Return a key that tells whether the names of a module are unchanged
    since they were last examined.
    """
    return f"{id(module)}-{len(vars(module))}"


_compile_rule = Rule._compile_builder


def _compile_builder(self: Rule, append_unknown: bool = True) -> Any:
    """Return the URL builder of a rule, compiled at its first call."""

    def build(rule: Rule, **values: Any) -> tuple[str, str]:
        written = _compile_rule(rule, append_unknown).__get__(rule, None)
        setattr(rule, "_build_unknown" if append_unknown else "_build", written)
        return written(**values)

    return build


_upgrade = model.Repository.upgrade_db


def _upgrade_db(self: model.Repository, *version: str) -> None:
    """Do what CKAN's method does, and keep the connection pool:
    its migrations leave an engine without one.
    """
    engine = model.meta.engine
    _upgrade(self, *version)
    if engine is not None and model.meta.engine is not engine:
        model.init_model(engine)


def _delete_all(self: model.Repository) -> None:
    """Do what CKAN's method does, without a query per table."""
    self.session.remove()
    there = set(sa.inspect(self.session.connection()).get_table_names()) - {"alembic_version"}
    empty([table for table in self.metadata.sorted_tables if table.name in there])
    self.session.commit()


def empty(tables: Sequence[sa.Table]) -> None:
    """Empty tables, most of which are empty already: a single query finds the others. TRUNCATE
    takes much longer.

    Args:
        tables: each after those that it refers to.
    """
    filled = " UNION ALL ".join(
        f"SELECT '{t.name}' WHERE EXISTS (SELECT FROM \"{t.name}\")" for t in tables
    )
    names = set(model.Session.scalars(sa.text(filled))) if tables else set()
    for table in reversed(tables):
        if table.name in names:
            model.Session.execute(sa.delete(table))


_compile_template = Environment.compile
_compiled: dict[tuple[Any, ...], CodeType] = {}
"""Source, name and extensions of the environment → compiled template."""


def _compile(
    self: Environment, source: Any, name: str | None = None, filename: str | None = None, *rest: Any
) -> Any:
    """Do what Jinja's function does, once for each template."""
    if rest or not isinstance(source, str):
        return _compile_template(self, source, name, filename, *rest)
    key = (source, name, filename, *sorted(self.extensions))
    if key not in _compiled:
        _compiled[key] = _compile_template(self, source, name, filename)
    return _compiled[key]


class _Search:
    """`ckan.lib.search` as seen by CKAN's configuration: the schema of an index is checked once."""

    def __init__(self) -> None:
        self._seen: dict[str, bool] = {}

    def check_solr_schema_version(self) -> bool:
        url = tk.config["solr_url"]
        if url not in self._seen:
            self._seen[url] = search.check_solr_schema_version()
        return self._seen[url]


def _stack(context: int = 1) -> list[inspect.FrameInfo]:
    """Return the call stack without its source lines."""
    found, frame = [], sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        found.append(
            inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None)
        )
        frame = frame.f_back
    return found


class _Parsed:
    """`yaml.load` that parses the same text once; each caller gets its own copy."""

    def __init__(self, parse: Any):
        self._parse = parse
        self._known: dict[tuple[type, str | bytes], bytes] = {}

    def __call__(
        self, stream: str | bytes | IO[str] | IO[bytes], Loader: type | None = None
    ) -> Any:
        text = stream if isinstance(stream, str | bytes) else stream.read()
        loader = Loader or yaml.SafeLoader
        if (loader, text) not in self._known:
            self._known[loader, text] = pickle.dumps(self._parse(text, loader))
        return pickle.loads(self._known[loader, text])


_valid: dict[bytes, tuple[Any, Any]] = {}
"""Declarations as loaded → result of their validation: values and errors."""


def _load_declarations(declaration: Any, definition: dict[str, Any]) -> None:
    """Do what CKAN's `load_dict` does, without repeating the
    validation of the same declarations.
    """
    key = pickle.dumps(definition)
    if key not in _valid:
        _valid[key] = dictization_functions.validate(dict(definition), config_declaration_v1())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dictization_functions, "validate", lambda _data, _schema: _valid[key])
        load_dict(declaration, definition)
