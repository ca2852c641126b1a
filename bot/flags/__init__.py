"""Flags of `walkfast train` and of the historical scripts: from words to a checked `RunConfig`.

    table      every flag: its name, the setting it moves, its help
    data_flags | world_flags | rule_flags   the larger groups of it
    flag       what a flag is
    values     reading one value from text, by the type of the setting
    parse      words -> what was given; unknown flags and unreadable values end here
    resolve    what was given + profile + defaults -> settings, and where each came from
    words      the historical words and switches among the flags
    help_text  the page of `--help`

Start in `table`. Why argparse carries this: `docs/decisions/070-flags-on-argparse.md`.
"""
