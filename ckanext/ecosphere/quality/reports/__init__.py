"""Presentation of quality: badge, overview, history, exports."""
