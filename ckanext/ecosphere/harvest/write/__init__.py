"""From a normalised record to a saved and indexed dataset."""
