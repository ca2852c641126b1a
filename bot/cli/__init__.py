"""The commands of `walkfast`, one module each.

    commands   which commands there are; the way in
    boundary   errors -> messages and exit codes, in one place
    bars       a file or the embedded sample -> bars
    train | evaluate | data | cache | audit

Start in `commands`. Exit codes: 0 done, 1 a leak found or a defect of walkfast, 2 a mistake of the
user, 130 interrupted.
"""
