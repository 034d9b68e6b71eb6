"""Confirmation of e-mail addresses of accounts.

An unconfirmed address blocks nothing: the dashboard shows a reminder.
"""
