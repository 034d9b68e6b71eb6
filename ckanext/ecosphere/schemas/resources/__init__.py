"""The resources of a dataset by what they are for, as its page shows them."""
