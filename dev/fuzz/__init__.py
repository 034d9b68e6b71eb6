"""A fuzzer over the reader of untrusted files: mutated files of each format,
read in the confined process.
"""
