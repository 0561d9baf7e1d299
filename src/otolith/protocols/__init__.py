"""Evaluation protocols: plain functions that yield result rows."""
