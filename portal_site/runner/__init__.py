"""`make run`: the whole portal as one foreground group of processes.

Started as `python -m portal_site.runner`, because settings can only be read once
the secrets this package makes on a first start are in the environment.
"""
