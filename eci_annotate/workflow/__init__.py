"""Pure workflow: a subject is `decide(command, state, actor, now)`, `evolve(event, state)` and `view`.

Nothing here reads a clock, a file (but a use case's) or a database; all of it runs the same on a hub.
"""
