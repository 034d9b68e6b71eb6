"""Actions, authorization functions and validators of datasets."""
