"""Sentences of the harvest: names of what reports hold, faults of the form, texts translated where they are shown."""
