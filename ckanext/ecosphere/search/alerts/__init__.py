"""Saved searches: e-mails and feeds of new or changed results."""
