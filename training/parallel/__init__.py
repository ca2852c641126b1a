"""Independent jobs, side by side: chains of a training, and whatever else needs nobody's answer.

    job        what a job is, and how one attempt at it goes
    config     which engine, how many workers, how many threads each
    scheduler  `run_jobs`, the loop: start reading here
    files      the durable truth: one result file a job, and how events and last words travel
    sequential | processes   the engines: one after the other here, or in workers of loky
    worker     what a worker process is before its first job
    lifeline   why no worker outlives its parent
    events     what the parent hears

Knows no torch and no training: a job brings its own code. Why it is built this way:
`docs/decisions/151-a-pool-of-one-for-each-worker.md`.
"""
