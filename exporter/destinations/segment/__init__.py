"""Segment: an event as its track call. What all destinations share (answers, packing, HTTP) is in the folder above; the
next destination is the next folder, and a choice in `delivery/settings_in_force`."""
