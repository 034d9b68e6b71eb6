"""Let udata's own harvester read the portal, and print what became of each dataset: `make federation`."""

from __future__ import annotations

from dev.federation import ENVIRONMENT, LOCK
from dev.stack import install, testing

TESTS = "ckanext/ecosphere/schemas/tests/test_read_by_udata.py"

if __name__ == "__main__":
    install.fill(ENVIRONMENT, LOCK)
    raise SystemExit(testing.test([TESTS, "-q", "-s"]))
