"""Import stage: save and index datasets made from normalised records."""
