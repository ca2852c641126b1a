"""Recurrent PPO of other libraries on our environment, beside ours; see README.md here."""
