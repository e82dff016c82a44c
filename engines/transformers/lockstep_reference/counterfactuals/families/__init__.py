"""The families: one file a kind of change. A family is a function from a scene to the counterfactuals to try there."""
