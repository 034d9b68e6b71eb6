"""Notifications: rows of the outbox, their texts, and the e-mails sent from them."""
