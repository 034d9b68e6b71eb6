"""The command group `ckan ecosphere`: its sub-commands come from whichever rooms are enabled."""

from __future__ import annotations

import click
from ckan.plugins import PluginImplementations

from ckanext.ecosphere.interfaces import IEcosphereCommands


class RoomsGroup(click.Group):
    """A group that asks the enabled plugins for their commands at the time of the call.

    Asking late, not at import, keeps the rooms independent of the order in which CKAN loads plugins.
    """

    def _rooms(self) -> dict[str, click.Command]:
        found: dict[str, click.Command] = {}
        for plugin in PluginImplementations(IEcosphereCommands):
            for command in plugin.get_ecosphere_commands():
                found[str(command.name)] = command
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own commands and those of the rooms, in alphabetical order."""
        return sorted({*super().list_commands(ctx), *self._rooms()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command by name, own commands first."""
        return super().get_command(ctx, cmd_name) or self._rooms().get(cmd_name)


@click.group(cls=RoomsGroup, short_help="Set up, check and run the access desk.")
def ecosphere() -> None:
    """Set up, check and run the access desk (guichet)."""
