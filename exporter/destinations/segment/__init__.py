"""Segment: the call, its limits, its answers. The next destination is the next folder."""
