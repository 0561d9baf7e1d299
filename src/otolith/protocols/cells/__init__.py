"""The work below protocols: units that yield rows, the study whose encoders they share, what learns from few labels,
the arrays that pictures are drawn from, and who does the work (this process, or Ray's workers)."""
