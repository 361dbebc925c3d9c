"""The warehouse room: settings, the Postgres connection, the embedded server, run ledger and lock.

Every other room may import this one; it imports none of them.
"""
