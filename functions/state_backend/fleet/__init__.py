"""
WHICH ACCOUNTS: of the organization's, what each of them gets, and how a sweep is told. Only
``page`` reads files: its style and its script.

* ``settings_document``: one JSON document that says so, checked whole
* ``scope``: whether an account gets a backend at all
* ``places``: where a sweep looks; ``results``: what became of each of them
* ``row``, ``coverage``, ``evidence`` (by ``standards``), ``report``: that, told as one object
* ``page``: the same for people, with ``attention``, ``grid``, ``changes``, ``table`` and
  ``evidence_tables`` for its sections, and ``links`` between them; ``spreadsheet``: as CSV
"""
