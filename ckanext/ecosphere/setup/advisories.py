"""Known weaknesses of CKAN versions, kept as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ADVISORIES_FILE = Path(__file__).parents[1] / "data" / "advisories.yaml"


@dataclass(frozen=True)
class Advisory:
    """A known weakness.

    Attributes:
        id: short name.
        affected: CKAN versions that have it.
        option: CKAN option without which it does not matter, empty when it always does.
        message: one or two sentences in English; they are in the catalogue.
        fixed_in: first version without it, empty when none is known.
        meanwhile: what this plugin does against it, in English, empty when nothing.
    """

    id: str
    affected: SpecifierSet
    option: str
    message: str
    fixed_in: str = ""
    meanwhile: str = ""

    def concerns(self, version: str) -> bool:
        """Whether a CKAN version has this weakness."""
        return self.affected.contains(Version(version), prereleases=True)


def read(path: Path = ADVISORIES_FILE) -> list[Advisory]:
    """Read all advisories."""
    with path.open(encoding="utf-8") as stream:
        return [Advisory(**{**item, "affected": SpecifierSet(item["affected"])}) for item in yaml.safe_load(stream)]
