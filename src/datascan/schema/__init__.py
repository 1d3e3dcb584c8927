"""The JSON Schema of the report, as shipped; generated from datascan.report."""
