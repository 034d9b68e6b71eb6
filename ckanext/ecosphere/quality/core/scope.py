"""The datasets included in a report, depending on its reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ckan import model

from ckanext.ecosphere.quality import config


@dataclass(frozen=True)
class Scope:
    """Active datasets of the portal, or of one organisation.

    Attributes:
        organization: id of the organisation, None for the whole portal.
        private: whether to include private datasets, for readers who may see them.
    """

    organization: str | None = None
    private: bool = False

    def conditions(self) -> list[Any]:
        """Return the SQL conditions on `package` that select the datasets."""
        package = model.Package
        found: list[Any] = [package.state == model.State.ACTIVE, package.type.in_(config.dataset_types())]
        if not self.private:
            found.append(package.private.is_(False))
        if self.organization:
            found.append(package.owner_org == self.organization)
        return found
