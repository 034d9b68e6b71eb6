"""Contact details: e-mail addresses and telephone numbers in free text."""
