"""Statistics of searches without results, counted anonymously."""
