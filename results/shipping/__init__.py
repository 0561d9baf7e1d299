"""Making of what comes with otolith: its models and the recording of `otolith demo`."""
