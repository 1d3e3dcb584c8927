"""Rules about nets, solvers and logs: found by looking, one a file, whose docstring is its page.

Their classes are subclasses of :class:`datascan.checks.base.Rule`.
"""
