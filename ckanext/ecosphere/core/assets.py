"""One thread at a time builds the styles and scripts of a page.

webassets 3 is not made for threads: of two first requests on a new portal, one found the file that the other was
writing, without its version, and answered 500.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import Any

from webassets.bundle import Bundle

_LOCK = threading.RLock()


def one_at_a_time() -> None:
    """Have the addresses of assets, which builds those that are missing, made by one thread at a time."""
    original = Bundle.urls
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def urls(*args: Any, **kwargs: Any) -> Any:
        with _LOCK:
            return original(*args, **kwargs)

    Bundle.urls = urls
