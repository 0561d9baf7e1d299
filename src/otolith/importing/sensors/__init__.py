"""Sensors in tables: their columns, by names or by what the numbers do, their units and their places on the body."""
