"""Security advisories for CKAN versions, stored as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ADVISORIES_FILE = Path(__file__).parents[1] / "data" / "advisories.yaml"


@dataclass(frozen=True)
class Advisory:
    """A known vulnerability or weakness of CKAN.

    Attributes:
        id: short name.
        affected: affected CKAN versions.
        option: CKAN option without which it is irrelevant, empty if it always matters.
        message: one or two sentences in English, present in the message catalogue.
        fixed_in: first fixed version, empty if none is known.
        meanwhile: mitigation by this suite, in English, empty if there is none.
    """

    id: str
    affected: SpecifierSet
    option: str
    message: str
    fixed_in: str = ""
    meanwhile: str = ""

    def concerns(self, version: str) -> bool:
        """Return whether a CKAN version is affected."""
        return self.affected.contains(Version(version), prereleases=True)


def read(path: Path = ADVISORIES_FILE) -> list[Advisory]:
    """Read all advisories."""
    with path.open(encoding="utf-8") as stream:
        return [Advisory(**{**item, "affected": SpecifierSet(item["affected"])}) for item in yaml.safe_load(stream)]
