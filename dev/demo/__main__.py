"""Write the demonstration catalogue as files, one record each: FOLDER/<catalogue>/<number>-<subject>.xml."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import DEFAULT_COUNT, SEED, records, shares


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.demo", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=DEFAULT_COUNT, help="records in all catalogues together")
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args()
    for name, count in shares(chosen.count).items():
        folder = chosen.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for stem, xml in records(name, count, chosen.seed):
            (folder / f"{stem}.xml").write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n', "utf-8")
        print(f"{name}: {count} records")


if __name__ == "__main__":
    main()
