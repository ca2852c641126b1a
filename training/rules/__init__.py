"""The optimizations as pure decisions: each looks at recorded history and says what to do and why.

No torch, no files, no env, no clock, no random numbers: the same history always gives the same
decision. Read first: `training.rules.decision`, then `training.rules.config`.
"""
