"""How messages get to a device and its receipts back: rules over plain facts (PROTOCOL 4, 9).

No keys, no clock, no database: the node drives these rules, and `tests/model` walks through every
small schedule with the same functions.
"""
