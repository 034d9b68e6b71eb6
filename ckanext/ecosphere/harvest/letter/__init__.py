"""Weekly letter about the sources: failures, stalled harvests, pending decisions, figures of the week."""
