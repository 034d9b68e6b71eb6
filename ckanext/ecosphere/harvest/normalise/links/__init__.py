"""Convert the links of a record to resources and pages of the dataset."""
