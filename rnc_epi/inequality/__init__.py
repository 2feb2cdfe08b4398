"""Cells by deprivation to gradients: rates by group, slope and relative indices, excess events."""
