"""What is collected here."""

from pathlib import Path

# The real records stay outside the project: where their folder is not beside the checkout, the tests over them do
# not exist (rather than being skipped); each of their quirks has a record of the project's own in test_quirks.py.
RECORDS = Path(__file__).parents[5] / "shared" / "records"
collect_ignore = [] if RECORDS.is_dir() else ["test_records.py"]
