"""Pure workflow: a subject is `decide(command, state, actor, now)`, `evolve(event, state)` and `view`.

Nothing here reads a clock, a database or a file (except a use case's files); it runs identically on a hub.
"""
