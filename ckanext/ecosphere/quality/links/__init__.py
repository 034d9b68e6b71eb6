"""Do the links of the resources answer? Asked in the background, politely; the answers are facts of the score."""
