"""`make chaos`: kill the processes of a portal under load, and check that no data is lost.

A separate stack (`.local/chaos`, with its own ports) is started, so that neither the demonstration
nor the tests are affected. Harvests of four types of source, dataset edits, data requests and
visits go on while workers, web server, Solr, PostgreSQL and Redis are killed at random times set by
the seed, and restarted as systemd would. After the last kill the portal has to recover by itself.
Exits with code 1 if a check fails.
"""

from __future__ import annotations

import os
import sys

os.environ["ECOSPHERE_STACK"] = "chaos"  # read by dev.stack.settings

from .run import main

if __name__ == "__main__":
    sys.exit(main())
