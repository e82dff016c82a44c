"""Counterfactuals: named changes of the reference that are tried where an engine differs, until one gives what it has.

One file a family. A family is a function from the scene at a site to the counterfactuals that can be tried there;
docs/method.md says what they are for.
"""
