"""Search words, weights and test queries edited by administrators, and trials that show the effect of a change."""
