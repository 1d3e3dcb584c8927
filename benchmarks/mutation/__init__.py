"""Changes the sources in small ways, and counts how many of the changes the tests notice.

``mutants`` finds places to change, ``operators`` what they become. ``tracing`` notes which lines
each test executes, ``coverage`` keeps that between runs. ``trial`` runs the tests that concern a
mutant, in a copy of the tree. ``equivalent.toml`` lists changes that no test can notice.
"""
