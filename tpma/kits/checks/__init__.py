"""The rules of docs/kit-format.md, one file a noun: each takes a draft and yields faults."""
