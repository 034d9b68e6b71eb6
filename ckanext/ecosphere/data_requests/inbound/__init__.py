"""Replies by e-mail: authentication, parsing, and conversion to messages."""
