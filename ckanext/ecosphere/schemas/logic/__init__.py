"""Actions, access rules and validators of datasets."""
