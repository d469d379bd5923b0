"""
What a run survives: crash, race, throttle, lie and attack, on the shipped code, over real HTTP.

Every battery walks the calls that an undisturbed run makes, so a new control is under it at once.

* ``ground``: the hub on the double, an account a case, a clock that moves only when somebody waits
* ``errands``: what a run is sent for: create, adopt, repair, change the lock mode
* ``calls``: the calls of an undisturbed run, named so that they are found again in another
* ``state``: all that exists in an account, in a form that can be compared
* ``killed``: a process that is killed in the middle of a call
* ``process``: the function in a process of its own, to be killed for good
* ``damage``: how each fact that a control looks after is broken by hand

Where a battery is long, all its cases are marked ``soak``, and some of each kind, for
``make test``, ``sample``; ``tools/soak.py`` knows which files a battery is.
``docs/reliability.md`` has the figures.
"""
