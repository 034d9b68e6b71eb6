"""Serve the portal's own catalogue over CSW: `make csw`, after `make demo`."""

from __future__ import annotations

from dev.stack import ckan, pycsw
from dev.stack.settings import LOCAL
from dev.stack.shell import say


def main() -> int:
    """Export the public datasets as ISO 19139, serve them with pycsw, and print the URL."""
    folder = LOCAL / "csw-out"
    ckan.command("ecosphere", "export-iso", str(folder))
    served = pycsw.publish("portail", folder, "Catalogue du portail")
    pycsw.start()
    say(f"CSW 2.0.2: {served.url}?service=CSW&version=2.0.2&request=GetCapabilities")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
