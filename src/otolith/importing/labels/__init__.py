"""Labels: activities in columns and in files of intervals; words that mean one activity, or none."""
