"""Cells of small areas to smoothed relative risks, exceedance, clusters, ranks."""
