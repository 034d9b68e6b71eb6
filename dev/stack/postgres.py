"""PostgreSQL server private to this checkout, listening on TCP on 127.0.0.1 only.

PostgreSQL refuses to run as root. Root therefore runs it as the user `postgres`, which may be
unable to enter the folders above the checkout (e.g. a home of mode 0700). In that case it gets the
capability to enter any folder, or to read and write anywhere.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

from .packages import program, require
from .process import Process
from .settings import DATABASES, DEV, local, ports, secret
from .shell import StackError, run, say

#: Capabilities that let a user pass through folders closed to it, weakest first.
CAPABILITIES = ("", "+dac_read_search", "+dac_override")
INITDB_OPTIONS = "--no-sync --username=ckan --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8"
#: Settings for development: a power cut may destroy the data; `make clean` resets it. No socket in
#: the file system, since its path is limited to 107 bytes.
OPTIONS = (DEV / "stack" / "postgresql.txt").read_text().split()


@cache
def _place() -> tuple[list[str], Path]:
    """Return the prefix of each PostgreSQL command, and the folder that holds its data."""
    home = local("postgres")
    if os.geteuid() != 0:
        return [], home
    require("setpriv")
    user = _user()
    identity = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    os.chown(home, user.pw_uid, user.pw_gid)
    for capability in CAPABILITIES:
        lent = [f"--inh-caps={capability}", f"--ambient-caps={capability}"] if capability else []
        if _can_use(home, [*identity, *lent]):
            return [*identity, *lent], home
    raise StackError(
        f"The user {user.pw_name} cannot use {home}; run this command as an ordinary user instead of root."
    )


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        sentence = "PostgreSQL cannot run as root and there is no user `postgres`: create it, or do not run as root."
        raise StackError(sentence) from None


def _can_use(home: Path, prefix: list[str]) -> bool:
    probe = ["sh", "-c", 'test -x "$1" && : > "$1/probe" && rm "$1/probe"', "sh", str(home)]
    return subprocess.run([*prefix, *probe], cwd="/", capture_output=True, check=False).returncode == 0


def _data() -> Path:
    return _place()[1] / "data"


def _create_cluster(programs: Path) -> None:
    prefix, home = _place()
    say("  creating the database cluster")
    shutil.rmtree(home / "data", ignore_errors=True)
    password = home / "password"
    password.write_text(secret("postgres"))
    password.chmod(0o600)
    if prefix:
        shutil.chown(password, home.owner(), home.group())
    command = [*prefix, programs / "initdb", "-D", home / "data", f"--pwfile={password}", *INITDB_OPTIONS.split()]
    try:
        run(command, what="create the databases", cwd="/")
    except BaseException:
        shutil.rmtree(home / "data", ignore_errors=True)
        raise
    finally:
        password.unlink()


def process() -> Process:
    """Return the server as a background process."""
    return _server("postgres", _data(), ports()["postgres"])


def _server(name: str, folder: Path, port: int) -> Process:
    prefix, _ = _place()
    server = program("postgres") / "postgres"
    options = [f"--{option}" for option in OPTIONS]
    return Process(
        name,
        [*prefix, str(server), "-D", str(folder), "-p", str(port), *options],
        ready=lambda: _psql("SELECT 1", port, check=False) == "1",
        port="postgres" if name == "postgres" else None,
        stop_signal=signal.SIGINT,  # "fast" shutdown: ends the sessions
    )


def standby(port: int) -> Process:
    """Return a hot standby of the server as a background process.

    Its data are copied the first time.
    """
    prefix, home = _place()
    folder = home / "standby"
    if not (folder / "PG_VERSION").exists():
        address = ["-h", "127.0.0.1", "-p", str(ports()["postgres"]), "-U", "ckan"]
        copy = ["-D", folder, "--write-recovery-conf", "--create-slot", "--slot=standby", "--checkpoint=fast"]
        command = [*prefix, program("postgres") / "pg_basebackup", *address, *copy]
        run(command, what="copy the database", cwd="/", env={"PGPASSWORD": secret("postgres")})
    return _server("postgres-standby", folder, port)


def start() -> bool:
    """Start the server and create its databases; return whether this call started it."""
    programs = program("postgres")
    if not (_data() / "PG_VERSION").exists():
        _create_cluster(programs)
    made_by = (_data() / "PG_VERSION").read_text().strip()
    if programs.parent.name.isdigit() and programs.parent.name != made_by:
        raise StackError(
            f"The databases were made by PostgreSQL {made_by}, version {programs.parent.name} is installed now: "
            "run `make clean`."
        )
    started = process().start()
    existing = _psql("SELECT datname FROM pg_database").split()
    for database in DATABASES.values():
        if database not in existing:
            _psql(f"CREATE DATABASE {database}")
    return started


def execute(statement: str, port: int | None = None, database: str = "postgres") -> str:
    """Run a statement as the owner of the databases, on the server or on another one, and return
    its output.

    Raises:
        StackError: the statement failed.
    """
    return _psql(statement, port, database)


def _psql(statement: str, port: int | None = None, database: str = "postgres", *, check: bool = True) -> str:
    address = ["-h", "127.0.0.1", "-p", str(port or ports()["postgres"]), "-U", "ckan", "-d", database]
    env = {"PGPASSWORD": secret("postgres"), "PGCONNECT_TIMEOUT": "2"}
    command = [program("postgres") / "psql", *address, "-XAtq", "-c", statement]
    try:
        return run(command, what=f"run `{statement}`", cwd="/", env=env).strip()
    except StackError:
        if check:
            raise
        return ""
