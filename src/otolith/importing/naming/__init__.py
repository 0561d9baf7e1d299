"""Names that people and devices give to columns: units, and axes of sensors with the place they are worn at."""
