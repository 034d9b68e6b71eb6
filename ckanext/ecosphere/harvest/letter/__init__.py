"""Letter about the sources, each week or day: failures, stalled harvests, pending decisions, figures."""
