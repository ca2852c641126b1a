"""The parts of `bench/profiles.py`: what is tried, on which bars, a trial, and the front."""
