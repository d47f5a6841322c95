"""`python -m tpma.simulator`: `tpma simulator` without the rest of tpma."""

from tpma.simulator.cli import simulator

simulator(prog_name="tpma simulator")
