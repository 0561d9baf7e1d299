"""Whole jobs, from names to a finished folder: run, compare, estimate."""
