"""Rules about nets, solvers and logs: one module per rule, whose docstring is the rule's page."""
