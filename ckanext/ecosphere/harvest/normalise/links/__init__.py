"""Links of a record become resources and pages of the dataset."""
