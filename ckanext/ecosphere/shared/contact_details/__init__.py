"""Parties of a dataset: who made it; e-mail addresses and telephone numbers in free text."""
