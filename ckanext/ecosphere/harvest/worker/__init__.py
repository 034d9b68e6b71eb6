"""Jobs on the queue: who runs them, in what order, under which locks and bounds."""
