"""Whole days of a merchant, played in virtual time: the unchanged core over real SQL, and all that can go wrong.

`run.py` plays one seed; `people.py` says who wants what; `faults.py` lists what goes wrong; `checks.py`, `truth.py` and
`liveness.py` say what must hold all the same. Reading order: run, scene, scheduler, hosts, provider, people, checks.
"""
