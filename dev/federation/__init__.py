"""Other catalogues, with their own code, read what the portal publishes."""

from dev.stack.settings import DEV, INSTALLED

#: udata's own virtual environment, since its pinned dependencies conflict with CKAN's.
ENVIRONMENT = INSTALLED / "udata-venv"
LOCK = DEV / "federation" / "requirements.lock"
HARVESTER = DEV / "federation" / "as_udata.py"
