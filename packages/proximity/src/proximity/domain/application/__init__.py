"""The application aggregate: one app in one container, from the wish to its end.

Read in this order: commands, events, state, decider, process (what is left to do), recovery (what an unanswered call
did).
"""
