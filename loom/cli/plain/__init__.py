"""`loom --plain`: a conversation as lines, for screen readers, dumb terminals and pipes.

It is part of the command line and not of the app: it writes through this layer's `Output`, on a
terminal and on a pipe, and shares only the reading of slash commands with the app.
"""
