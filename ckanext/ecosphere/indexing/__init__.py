"""The search index, many datasets at a time: for every room that changes more than one."""
