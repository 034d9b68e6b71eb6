"""Pages about the portal itself: accessibility, interfaces for programs."""
