"""Saved searches: who is told by e-mail, or reads in a feed, what is new or changed in what they find."""
