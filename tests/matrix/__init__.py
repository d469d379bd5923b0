"""
The request matrix: what the vended policies answer to every request that matters.

=============  ===================================================================================
``cells``      the words: backends, who asks, for what, how; and all cells
``rules``      what each cell's answer has to be, from the contract's words alone
``backends``   the backends' policies, as they are vended, and the ARNs behind the words
``double``     the answers of the AWS double
``simulator``  the answers of an independent judge, iam-simulate, in a process of its own
``mutants``    policies with one thing wrong
=============  ===================================================================================

iam-simulate is AGPL-3.0-or-later: a tool of these tests alone, started by them and spoken to over
a pipe; it is no part of what is imported, built or shipped.
"""
