"""The door: scripts, the console command, the live view and the reports."""
