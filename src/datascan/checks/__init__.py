"""One file a rule; its docstring is the rule's page."""
