"""Delete a harvested dataset in a way that lets it come back."""

from __future__ import annotations

from ckan import model
from ckan.plugins import IPackageController, PluginImplementations


def delete_dataset(package: model.Package) -> None:
    """Delete a dataset as `package_delete` does, but keep its memberships for its return."""
    for plugin in PluginImplementations(IPackageController):
        plugin.delete(package)
        plugin.after_dataset_delete({"ignore_auth": True}, {"id": package.id})  # pyright: ignore
    package.delete()
