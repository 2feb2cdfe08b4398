"""Cells in, indicators out: counts, rates and ratios with limits, in the one result table."""
