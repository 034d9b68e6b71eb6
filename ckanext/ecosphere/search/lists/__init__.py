"""The words and weights of the search that administrators change, with a trial that shows what a change does."""
