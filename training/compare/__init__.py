"""Two finished trainings side by side, from the files that they left behind.

Read in this order: `finished` (a results folder as numbers), `sides` (which runs belong together),
`pairing` (which test slices and seeds meet; pure), `conclude` (what follows; pure). Every estimate
comes from `training.significance`. Not here: the screen (`bot.cli.compare`), running anything
(`training.benchmark`). Argued in `docs/decisions/140-comparing-finished-runs.md`.
"""
