"""Counters outside the harvesters: HTTP requests to the catalogue, documents added and commits in Solr."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}


class CountingProxy:
    """HTTP proxy in front of a server that counts requests and can delay each of them.

    Args:
        origin: URL of the server.
        latency: seconds added to each request.
    """

    def __init__(self, origin: str, latency: float = 0.0):
        parts = urlsplit(origin)
        self.requests = 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16

            def do_GET(self) -> None:
                self._pass_on()

            def do_POST(self) -> None:
                self._pass_on()

            def _pass_on(self) -> None:
                with proxy._lock:
                    proxy.requests += 1
                time.sleep(latency)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                onward = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in {*_HOP_BY_HOP, "host"}}
                onward.request(self.command, self.path, body or None, {**headers, "Host": parts.netloc})
                answer = onward.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                onward.close()

            def log_message(self, format: str, *args: Any) -> None:
                """Do not log requests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        """Return the URL of a path of the server, through the proxy."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        """Stop the proxy."""
        self._server.shutdown()


def solr_counts(core_url: str) -> dict[str, int]:
    """Return the documents added and commits made in a core since Solr started, from Solr's metrics."""
    base, _, core = core_url.rpartition("/")
    query = "group=core&prefix=UPDATE.updateHandler.cumulativeAdds,UPDATE.updateHandler.commits&wt=json"
    with urllib.request.urlopen(f"{base}/admin/metrics?{query}", timeout=30) as response:
        metrics = json.load(response)["metrics"][f"solr.core.{core}"]
    return {
        "adds": int(metrics["UPDATE.updateHandler.cumulativeAdds"]["count"]),
        "commits": int(metrics["UPDATE.updateHandler.commits"]["count"]),
    }
