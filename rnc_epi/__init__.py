"""Epidemiological indicators for the French national cancer registry."""
__version__ = "0.1.0"
