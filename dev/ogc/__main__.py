"""Run the OGC server: `python -m dev.ogc PORT`."""

import sys

from dev.ogc.server import make_server

make_server(int(sys.argv[1])).serve_forever()
