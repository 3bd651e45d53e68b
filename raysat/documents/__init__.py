"""What commands print with ``--json`` and write as JSON: one typed document each, with a schema, and one writer."""
