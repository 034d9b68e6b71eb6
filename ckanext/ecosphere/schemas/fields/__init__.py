"""What the fields of the schema hold, and how they are read and written."""
