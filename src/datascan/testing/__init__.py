"""The laws that every plug-in must obey, as classes of tests to inherit from.

They need pytest and Hypothesis (``pip install datascan[testing]``); datascan itself never imports
this package.
"""
