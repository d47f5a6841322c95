"""python -m tpma"""

from tpma.cli import main

main()
