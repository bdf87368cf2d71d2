"""The long run: a whole portal of real processes, developers who use it over HTTP,
and everything that can break breaking at once; then a checker that compares what
people were told with what Tyk holds. `make soak`, or `python -m tests.soak -n 500`.
"""
