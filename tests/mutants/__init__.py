"""`make mutants`: small faults put into the core one by one; the tests that cover the line must see each.

The faults are Cosmic Ray's (github.com/sixty-north/cosmic-ray). Which of them are tried is drawn by a seed; which tests
are asked is told by coverage: those that run the changed line, the quickest first. docs/testing.md names survivors.
"""
