"""Only the historical import path `utils.training_utils_optimized`; nothing new belongs here."""
