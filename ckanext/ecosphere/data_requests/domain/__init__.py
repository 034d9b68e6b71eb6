"""Rules of data requests: states, legal clock, fields, places, wording. No HTTP, no e-mail."""
