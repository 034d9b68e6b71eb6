"""Tools for developers: the embedded stack, the demonstration, benchmarks.

No part of the product.
"""
