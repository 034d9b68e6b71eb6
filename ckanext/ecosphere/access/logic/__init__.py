"""Actions of the room, and who may call them."""
