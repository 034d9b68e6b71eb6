"""`ckan ecosphere` gathers the commands of the enabled rooms."""

import click
from click.testing import CliRunner

from ckanext.ecosphere import cli
from ckanext.ecosphere.interfaces import InitReport


def test_the_group_lists_the_commands_of_a_room(monkeypatch):
    @click.command("greet")
    def greet():
        click.echo("bonjour")

    monkeypatch.setattr(cli.RoomsGroup, "_rooms", lambda self: {"greet": greet})
    runner = CliRunner()
    assert "greet" in runner.invoke(cli.ecosphere, ["--help"]).output
    assert runner.invoke(cli.ecosphere, ["greet"]).output == "bonjour\n"


def test_a_report_with_a_failed_step_is_not_ok():
    heard = []
    report = InitReport(emit=lambda kind, message: heard.append((kind, message)))
    report.changed("one")
    report.unchanged("two")
    assert report.ok
    report.failed("three")
    assert not report.ok
    assert heard == report.lines == [("changed", "one"), ("unchanged", "two"), ("failed", "three")]
