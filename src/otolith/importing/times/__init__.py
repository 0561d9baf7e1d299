"""Times: columns of them, in any notation and zone, as seconds on one clock that runs forward."""
