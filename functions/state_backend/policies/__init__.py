"""
WHO MAY DO WHAT: the policies, each a pure function of the spec, each on one page.

* ``document``: what two statements mean, and how ours are merged with foreign ones
* ``bucket_policy``: the state bucket's; ``log_bucket_policy``: the log bucket's
* ``key_policy``: the key's
* ``client_writes``: what a policy that we found says to the ways in which clients write
* ``client_access``: what the clients of a backend need of IAM
* ``session_policy``: what our own sessions, and the provisioner role, may do
"""
