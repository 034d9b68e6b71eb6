"""What a service says of itself: address recognised, capabilities read in the background, layers matched."""
