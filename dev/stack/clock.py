"""Stand-in for cron: run `ckan ecosphere requests tick` every ten minutes.

python -m dev.stack.clock CKAN INI
"""

from __future__ import annotations

import subprocess
import sys
import time

EVERY_SECONDS = 600


def main() -> None:
    """Run until stopped."""
    program, ini = sys.argv[1:]
    while True:
        time.sleep(EVERY_SECONDS)
        subprocess.run([program, "-c", ini, "ecosphere", "requests", "tick"], check=False)


if __name__ == "__main__":
    main()
