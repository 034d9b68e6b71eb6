"""Actions, auth functions, schemas and validators of data requests."""
