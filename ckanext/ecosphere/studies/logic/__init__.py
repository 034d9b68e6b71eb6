"""Actions and authorization of studies."""
