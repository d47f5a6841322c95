"""What `tpma bench` measures: a file a subject, each yielding rows of one table."""
