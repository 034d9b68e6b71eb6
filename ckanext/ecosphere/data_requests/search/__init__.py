"""Finding requests: their full text, lists, look-alikes, datasets that may answer, figures."""
