"""The numbers of a report: records and predictions read, ranked, compared, with intervals and tests."""
