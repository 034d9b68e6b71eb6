"""`make chaos`: kill, and look whether anything is lost.

A stack of its own (`.local/chaos`, ports of its own) is started, so that neither the demonstration nor the tests are
touched. Harvests of four types of source, saves of datasets, data requests and readers go on while workers, web server,
Solr, PostgreSQL and Redis are killed at moments drawn from the seed, and started again as systemd would. After the last
kill nobody helps. Ends with exit code 1 when anything is wrong.
"""

from __future__ import annotations

import os
import sys

os.environ["ECOSPHERE_STACK"] = "chaos"  # read by dev.stack.settings

from .run import main

if __name__ == "__main__":
    sys.exit(main())
