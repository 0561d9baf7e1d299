"""Helpers that tests of several rooms share: small data, small networks, and ways to call and stop programs."""
