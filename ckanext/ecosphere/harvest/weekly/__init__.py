"""The weekly letter about the sources: what failed, what stands still, what waits for a person, figures of the week."""
