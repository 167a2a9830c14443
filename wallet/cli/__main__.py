"""`python -m wallet.cli`, as the supervisor starts the workers."""

from wallet.cli import main

main()
