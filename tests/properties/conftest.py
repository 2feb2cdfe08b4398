"""Hypothesis settings: the same examples at each run, small on each push."""

from hypothesis import settings

settings.register_profile("house", derandomize=True, max_examples=50, deadline=None, database=None)
settings.load_profile("house")
