"""Pages, images and files of the room."""
