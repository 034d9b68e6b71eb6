"""Storage of scores, in the database and in the index: computed on save, and again when due."""
