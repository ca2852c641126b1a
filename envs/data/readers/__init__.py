"""One module for each family of formats: is this file mine, and which column means what.

A reader takes an opened `Source` and answers with a `Layout`, or with a short reason why the file
is not its own. The list of them is in `envs.data.recognize`.
"""
