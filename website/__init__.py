"""Builds the documentation site: hooks of mkdocs, and the pages that are made from the sources."""
