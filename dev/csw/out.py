"""Serve the portal's own catalogue over CSW: `make csw`, after `make demo`."""

from __future__ import annotations

from dev.stack import pycsw
from dev.stack.settings import LOCAL, ROOT, VENV
from dev.stack.shell import run, say


def main() -> int:
    """Export the public datasets as ISO 19139, serve them with pycsw, and print the URL."""
    folder = LOCAL / "csw-out"
    run(
        [VENV / "bin" / "ckan", "-c", LOCAL / "ckan.ini", "ecosphere", "export-iso", folder],
        cwd=ROOT,
        what="export of the datasets",
    )
    served = pycsw.publish("portail", folder, "Catalogue du portail")
    pycsw.start()
    say(f"CSW 2.0.2: {served.url}?service=CSW&version=2.0.2&request=GetCapabilities")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
