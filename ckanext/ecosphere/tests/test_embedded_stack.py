"""The embedded stack: it touches only its own files and processes,
and fails with one clear message.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from ckanext.ecosphere.interfaces import each_setup
from dev.stack import ckan, packages, postgres, services, settings
from dev.stack.process import Process, port_is_taken
from dev.stack.shell import DISK_FULL, StackError, run

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.mark.parametrize("program", ["dev.stack.__main__", "dev.guide"])
def test_it_needs_nothing_but_the_standard_library(program: str):
    # As with the system's Python, before anything is installed.
    bare = [sys.executable, "-S", "-c", f"import {program}"]
    assert subprocess.run(bare, cwd=settings.ROOT, check=False, capture_output=True).stderr == b""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout without any state, in a folder with a space in its name."""
    local = tmp_path / "un dossier" / ".local"
    monkeypatch.setattr(settings, "LOCAL", local)
    monkeypatch.setattr(settings, "STATE", local / "stack.json")
    monkeypatch.setattr(services, "LOCAL", local)
    for variable, _ in settings.PORTS.values():
        monkeypatch.delenv(variable, raising=False)
    settings.ports.cache_clear()
    settings.secret.cache_clear()
    yield local
    for process in services.running().values():
        process.stop(quietly=True)
    settings.ports.cache_clear()
    settings.secret.cache_clear()


def choose(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, int]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.ports.cache_clear()
    return settings.ports()


class TestPorts:
    def test_all_follow_from_one(self, checkout, monkeypatch):
        assert choose(monkeypatch, PORT="5300")["web"] == 5300
        assert settings.ports()["solr"] == 15303

    def test_the_choice_is_remembered(self, checkout, monkeypatch):
        choose(monkeypatch, PORT="5300", SOLR_PORT="8984")
        assert choose(monkeypatch, PORT="", SOLR_PORT="") == {
            **settings.ports(),
            "web": 5300,
            "solr": 8984,
        }

    def test_two_checkouts_share_none(self, checkout, monkeypatch):
        first = set(choose(monkeypatch, PORT="5000").values())
        assert not first & set(choose(monkeypatch, PORT="5100").values())

    @pytest.mark.parametrize("wrong", ["http", "0", "65536", "-1"])
    def test_nonsense_is_refused_in_plain_words(self, checkout, monkeypatch, wrong):
        with pytest.raises(StackError, match="is no port"):
            choose(monkeypatch, PORT=wrong)

    def test_a_port_that_leaves_no_room_for_the_others_is_refused(self, checkout, monkeypatch):
        with pytest.raises(StackError, match="is no port"):
            choose(monkeypatch, PORT="60000")


class TestProcesses:
    def test_one_is_started_once_and_stopped(self, checkout):
        assert Process("sleeper", SLEEPER).start() is True
        assert Process("sleeper", SLEEPER).start() is False
        pid = Process("sleeper").pid()
        assert pid is not None
        assert Process("sleeper").stop(quietly=True) is True
        assert not Path(f"/proc/{pid}/cmdline").exists()
        assert Process("sleeper").stop(quietly=True) is False

    def test_another_command_or_version_restarts_it(self, checkout):
        Process("sleeper", SLEEPER, version="1").start()
        first = Process("sleeper").pid()
        assert Process("sleeper", SLEEPER, version="2").start() is True
        assert Process("sleeper").pid() != first

    def test_another_process_with_the_same_number_is_left_alone(self, checkout):
        stranger = subprocess.Popen(SLEEPER)
        try:
            time.sleep(0.05)  # the kernel counts start times in hundredths of a second
            Process("sleeper", SLEEPER).start()
            own = Process("sleeper").pid()
            assert own is not None
            note = settings.local("run") / "sleeper.json"
            note.write_text(note.read_text().replace(str(own), str(stranger.pid), 1))
            assert Process("sleeper").pid() is None
            assert Process("sleeper").stop(quietly=True) is False
            assert stranger.poll() is None
            os.kill(own, signal.SIGKILL)
            os.waitpid(own, 0)
        finally:
            stranger.kill()
            stranger.wait()

    def test_a_taken_port_is_told_with_a_way_out(self, checkout, monkeypatch):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            choose(monkeypatch, SOLR_PORT=str(taken.getsockname()[1]))
            with pytest.raises(StackError, match=r"Port \d+, wanted for solr, is taken.*PORT="):
                Process("solr", SLEEPER, port="solr").start()
        assert Process("solr").pid() is None

    def test_one_that_ends_at_once_is_told_with_the_end_of_its_log(self, checkout):
        broken = [sys.executable, "-c", "raise SystemExit('no such table')"]
        with pytest.raises(StackError, match=r"(?s)broken did not start.*no such table"):
            Process("broken", broken, ready=lambda: False).start()

    def test_one_that_never_answers_is_stopped(self, checkout):
        with pytest.raises(StackError, match="does not answer"):
            Process("mute", SLEEPER, ready=lambda: False, patience=0.5).start()
        assert Process("mute").pid() is None

    def test_a_failure_stops_what_was_started_and_nothing_else(self, checkout):
        Process("before", SLEEPER).start()
        with pytest.raises(StackError), services.stopped_on_failure() as started:
            Process("during", SLEEPER).start()
            started.add("during")
            raise StackError("the disk is full")
        assert set(services.running()) == {"before"}

    def test_stop_ends_all_of_the_checkout(self, checkout):
        Process("first", SLEEPER).start()
        Process("second", SLEEPER).start()
        services.stop(quietly=True)
        assert services.running() == {}


class TestFailures:
    def test_a_failed_command_shows_the_end_of_what_it_said(self):
        with pytest.raises(StackError, match=r"(?s)Could not count: *\n.*three"):
            run(["sh", "-c", "echo one; echo three >&2; exit 3"], what="count")

    def test_a_full_disk_is_said_as_such(self):
        with pytest.raises(StackError, match=DISK_FULL[:16]):
            run(["sh", "-c", "cat /dev/zero > /dev/full"], what="write")

    def test_without_root_what_is_missing_is_named_with_the_command_to_run(self, monkeypatch):
        absent = packages.Need("openjdk-17-jdk-headless", "Solr, which needs a JDK", lambda: None)
        monkeypatch.setitem(packages.NEEDS, "java", absent)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(
            StackError, match=r"(?s)needs a JDK.*sudo apt-get install .*openjdk-17-jdk-headless"
        ):
            packages.require("java")

    def test_a_java_without_compiler_or_too_old_is_not_taken(self, tmp_path, monkeypatch):
        for version, home in ((11, tmp_path / "old"), (17, tmp_path / "recent")):
            compiler = home / "bin" / "javac"
            compiler.parent.mkdir(parents=True)
            compiler.write_text(f"#!/bin/sh\necho javac {version}.0.1\n")
            compiler.chmod(0o755)
        monkeypatch.setenv("PATH", "")
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
        assert packages.find_java() != tmp_path / "old"
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "recent"))
        assert packages.find_java() == tmp_path / "recent"

    def test_a_python_that_is_named_goes_before_that_of_the_system(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PYTHON", str(tmp_path / "nothing"))
        with pytest.raises(StackError, match=r"PYTHON=.*nothing cannot make environments"):
            packages.find_python()
        old = tmp_path / "python3"
        old.write_text("#!/bin/sh\ncase $2 in *version*) exit 1;; esac\n")
        old.chmod(0o755)
        monkeypatch.setenv("PYTHON", str(old))
        assert packages.find_python() == old  # `make setup` reports that it is too old
        monkeypatch.delenv("PYTHON")
        monkeypatch.setenv("PATH", str(tmp_path))
        # The Python of PATH is used if the system has none, or one without `ensurepip`.
        assert packages.find_python() in (Path("/usr/bin/python3"), Path("python3"))


@pytest.mark.service
class TestRealServices:
    """The services that the tests themselves use, reached through CKAN's variables."""

    def test_postgresql_does_not_run_as_root_and_listens_on_this_machine_only(self):
        pid = Process("postgres").pid()
        assert pid is not None
        status = Path(f"/proc/{pid}/status").read_text()
        assert not [
            line
            for line in status.splitlines()
            if line.startswith("Uid:") and line.split()[1] == "0"
        ]
        assert "listen_addresses=127.0.0.1" in postgres.OPTIONS
        assert port_is_taken(settings.ports()["postgres"])


def test_a_secret_stays_the_same_and_is_the_owners_alone(checkout):
    first = settings.secret("ckan")
    settings.secret.cache_clear()
    assert settings.secret("ckan") == first
    assert (settings.local("secrets") / "ckan").stat().st_mode & 0o077 == 0
    assert len(first) >= 32


def test_temporary_files_of_an_installation_vanish_and_those_of_others_stay(tmp_path):
    mine, others = tmp_path / "new" / "policy-rc.d", tmp_path / "existing"
    others.write_text("exit 0\n")
    with (
        packages._temporary_file(mine, "exit 101\n", 0o755),
        packages._temporary_file(others, "exit 101\n", 0o755),
    ):
        assert mine.read_text() == "exit 101\n"
        assert others.read_text() == "exit 0\n"
    assert not mine.parent.exists()
    assert others.read_text() == "exit 0\n"


@pytest.mark.usefixtures("with_plugins")
def test_the_workers_listen_to_the_queue_of_every_room():
    wanted = {queue for plugin in each_setup() for queue in plugin.ecosphere_queues()}
    assert wanted <= set(ckan.QUEUES)


@pytest.mark.usefixtures("with_plugins")
def test_every_job_of_the_rooms_has_its_function():
    for plugin in each_setup():
        for job in plugin.ecosphere_jobs():
            module, _, name = job.function.rpartition(".")
            assert callable(getattr(import_module(module), name, None)), job.function


def test_a_shell_prepared_for_pytest_does_not_lead_the_demonstration_astray(monkeypatch):
    prepared = {
        "CKAN_SQLALCHEMY_URL": "postgresql://127.0.0.1/ckan_test",
        "CHROMIUM": "/usr/bin/chromium",
    }
    monkeypatch.setattr(os, "environ", prepared)
    settings.forget_ckan_variables()
    assert prepared == {"CHROMIUM": "/usr/bin/chromium"}
