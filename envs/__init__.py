"""The world an agent trades in: bars, features, market rules and gymnasium environments.

Knows no torch, stable-baselines3, optuna, joblib or rich. Read next: `envs.bars`, `envs.market`.
"""
