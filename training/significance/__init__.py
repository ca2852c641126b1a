"""What the runs of a comparison allow to say: pure functions of arrays, no files, no torch.

Every random draw comes from a generator that the caller hands in. What the data do not carry is
None, with a warning in words, never an infinite or a made-up number. Read in this order:
`intervals` (what every estimate looks like), `robust` (scores over seeds and folds), `speed`,
`verdict`, then `blocks` and `overfitting` for one stitched series of returns, and `plain`.
"""
