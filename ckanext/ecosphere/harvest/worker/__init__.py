"""Background jobs of the harvest: execution, order, locks and limits."""
