"""Studies that the law requires: from a frame of needs and a site to the data,
or the proof that they are missing.
"""
