"""One change to many datasets: seen before, done in the background, undone as a whole."""
