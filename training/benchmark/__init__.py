"""The original training and ours, side by side on the same bars: how much faster, and as good?

Nothing is claimed that was not run here. Read in this order: `config` (what is asked), `arms` (what
is compared), `plan` (what fits into the time), `session` (the loop: start here for how it runs),
`unit` (one training, in a process of its own), `numbers` (its runs as tables), `results` (what they
allow to say) with `margin`, `quality_time`, `ablation`, `chance` and `gaps`, then `table`.
Not here: the statistics (`training.significance`), the screen (`bot.cli.benchmark`).
"""
