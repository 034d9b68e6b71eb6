"""Benches: harvest, search, relevance of answers, fidelity of records."""

from pathlib import Path
from typing import Any


def portal(ini: Path | str) -> Any:
    """Return a request context of the portal of a configuration file, in this process."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    application: Any = make_app(load_config(str(ini)))
    return application._wsgi_app.test_request_context()
