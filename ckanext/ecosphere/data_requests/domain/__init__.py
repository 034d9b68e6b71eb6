"""The rules of a data request: states, legal clock, fields, places, words. Nothing here answers HTTP or sends mail."""
