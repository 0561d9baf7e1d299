"""Signals in SI units with true time stamps: repair, gaps, flags and the recording that results."""
