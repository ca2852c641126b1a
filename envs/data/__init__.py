"""From a file to `Bars`: one door, one reader for each format, checks that never look away.

Start at `envs.data.load`. The way of a file: `container` (bytes to columns), `readers` (which
format, which column means what), `draft` (text to numbers and times), `validate` (is it sound),
`repair` (only when asked), `Bars`. `resample` makes coarser bars of finer ones.
"""
