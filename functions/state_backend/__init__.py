"""
Everything that the Lambda files share. Each folder answers one question:

=================  ================================================================================
``event_sources``  WHO ASKS: from an event to what it asks for
``fleet``          WHICH ACCOUNTS: scope and settings of an organization
``resources``      WHAT MUST EXIST: the key, the bucket, the log bucket, the lock table
``controls``       HOW IT MUST BE SET: one file per setting
``policies``       WHO MAY DO WHAT: one file per document
``lock_modes``     HOW CLIENTS LOCK
``outputs``        WHAT CLIENTS READ
``aws``            HOW WE REACH AWS: the only boto3, the only sockets
=================  ================================================================================

A request becomes a ``spec`` (held against the register's record in ``ownership``), ``reconcile``
brings the account there, ``outcomes`` says what became of it. ``vending`` is that way for one
account and Region: it works with the ``hub``, does its work by ``acting`` through a role, and puts
its ``intent`` on record first. ``account_requests`` and ``stack_requests`` lead events and stacks
to it; ``watch`` sorts out the changes that were seen, and ``drift`` knows when to leave them to
people. ``settings_in_force`` is the hub as the settings document wants it for one account;
``sweeps`` says where a sweep looks, and reports on it. ``stack_evidence`` finds out what a stack's
request rests on, ``deletion`` judges a Delete by it, and ``state_tags`` mirrors the outcome in the
account.
``docs/architecture.md`` walks one event through all of it.
"""
