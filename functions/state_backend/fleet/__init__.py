"""
WHICH ACCOUNTS: of the organization's, and what each of them gets. Pure.

* ``settings_document``: one JSON document that says so, checked whole
* ``scope``: whether an account gets a backend at all
* ``places``: where a sweep looks; ``results``: what became of each of them
* ``row``, ``coverage``, ``evidence``, ``report``: that, told as one object
* ``page`` (with ``grid``) and ``spreadsheet``: the same for people
"""
