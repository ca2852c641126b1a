"""The commands of `walkfast`, one module each.

    commands   which commands there are; the way in
    ground     whether a model has seen the bars it is evaluated on
    output     what is said on standard output
    boundary   errors -> messages and exit codes, in one place
    bars       a file or the embedded sample -> bars
    oddities   what is missing or odd about a machine
    train | evaluate | benchmark | data | cache | audit | doctor

Start in `commands`. Exit codes: 0 done, 1 a leak found or a defect of walkfast, 2 a mistake of the
user or a disk that is full, 130 interrupted, 141 nobody reads the output any more.
"""
