"""Completion for shells, and the manual page; both are made from the arguments of the commands."""
