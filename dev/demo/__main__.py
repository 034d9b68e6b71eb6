"""Write the demonstration catalogue as files, one record each:
FOLDER/<catalogue>/<number>-<subject>.xml.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import DEFAULT_COUNT, write


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.demo", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=DEFAULT_COUNT, help="records in all catalogues together")
    chosen = parser.parse_args()
    write(chosen.folder, chosen.count)


if __name__ == "__main__":
    main()
