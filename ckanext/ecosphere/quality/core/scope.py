"""Which datasets a report is about, and which of them its reader may count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ckan import model

from ckanext.ecosphere.quality import config


@dataclass(frozen=True)
class Scope:
    """The active datasets of the portal, or of one organisation.

    Attributes:
        organization: id of the organisation, None for the whole portal.
        private: whether private datasets count: only in reports for those who may see them.
    """

    organization: str | None = None
    private: bool = False

    def conditions(self) -> list[Any]:
        """Return the conditions on `package` that select the datasets."""
        package = model.Package
        found: list[Any] = [package.state == model.State.ACTIVE, package.type.in_(config.dataset_types())]
        if not self.private:
            found.append(package.private.is_(False))
        if self.organization:
            found.append(package.owner_org == self.organization)
        return found
