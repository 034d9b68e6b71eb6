"""Link checking of resources, in the background and rate-limited; the results are facts of the score."""
