"""Reading a source: records, their identities, what changed."""
