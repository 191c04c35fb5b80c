"""For tests of applications and of providers: simulated providers, a clock that obeys, fixtures, and the suite that an
adapter is held against.

`fixtures` is a pytest plugin; `conformance` is for packages that bring a provider.
"""
