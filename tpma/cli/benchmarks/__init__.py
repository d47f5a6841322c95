"""What `tpma bench` measures, a file a hot path; each yields rows (`rows.Row`)."""
