"""The page of a report: its templates, and the tables that they show."""
