"""An Amazon SES to rehearse against: its own process, its own journal, faults on demand.

It imports no other room and none imports it but the command line, so that what it says about
us is a second opinion. The journal is the truth about what was accepted.
"""
