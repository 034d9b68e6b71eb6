"""Quality shown: badge, overview, history, exports."""
