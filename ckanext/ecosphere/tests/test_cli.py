"""The command `ckan ecosphere`: commands of the enabled rooms, set-up and check."""

import click
import pytest
from ckan.cli.cli import ckan
from click.testing import CliRunner

from ckanext.ecosphere import cli as commands
from ckanext.ecosphere.interfaces import Check, CheckStatus, InitReport
from ckanext.ecosphere.setup import health, initialise


@pytest.mark.usefixtures("loaded")
def test_the_group_lists_the_commands_of_a_room(monkeypatch):
    @click.command("greet")
    def greet():
        click.echo("bonjour")

    monkeypatch.setattr(commands.RoomsGroup, "_rooms", lambda self: {"greet": greet})
    runner = CliRunner()
    assert "greet" in runner.invoke(commands.ecosphere, ["--help"]).output
    assert runner.invoke(commands.ecosphere, ["greet"]).output == "bonjour\n"


def test_a_report_with_a_failed_step_is_not_ok():
    heard = []
    report = InitReport(emit=lambda kind, message: heard.append((kind, message)))
    report.changed("one")
    report.unchanged("two")
    assert report.ok
    report.failed("three")
    assert not report.ok
    assert heard == report.lines == [("changed", "one"), ("unchanged", "two"), ("failed", "three")]


@pytest.mark.slow("setup")
@pytest.mark.ckan_config("ecosphere.init.organisations", False)
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_init_may_be_run_again_and_changes_nothing(cli):
    cli.invoke(ckan, ["ecosphere", "init", "--lang", "en"])
    result = cli.invoke(ckan, ["ecosphere", "init", "--lang", "en"])
    assert result.exit_code == 0, result.output
    assert "[+]" not in result.output
    assert "All tables are up to date" in result.output


@pytest.mark.slow("setup")
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_init_goes_on_after_a_room_that_fails_and_says_so(monkeypatch):
    class Broken:
        name = "broken"

        def ecosphere_init(self, report):
            raise RuntimeError("boom")

    class Sound:
        name = "sound"

        def ecosphere_init(self, report):
            report.changed("sound")

    monkeypatch.setattr(initialise, "each_setup", lambda: [Broken(), Sound()])
    monkeypatch.setattr(initialise.organisations, "create_or_update", lambda report: None)
    report = InitReport()
    initialise.run(report)
    assert not report.ok
    broken = next(
        number for number, (_kind, message) in enumerate(report.lines) if "boom" in message
    )
    assert report.lines[broken][0] == "failed"
    assert report.lines[broken + 1] == ("changed", "sound")


@pytest.mark.parametrize(("status", "code"), [("OK", 0), ("WARNING", 0), ("ERROR", 1)])
@pytest.mark.usefixtures("with_plugins")
def test_check_fails_on_an_error_only(cli, monkeypatch, status, code):
    monkeypatch.setattr(
        health, "run", lambda: [Check("Solr", CheckStatus[status], "message", "remedy")]
    )
    result = cli.invoke(ckan, ["ecosphere", "check", "--lang", "en"])
    assert result.exit_code == code
    assert "Solr: message\n    → remedy" in result.output
