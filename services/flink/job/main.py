"""Entry point: the service runs this file, and finds the rest in the archive beside it."""

from bars.job import main

main()
