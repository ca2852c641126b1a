"""The rule book: fills, costs, margin and accounting over arrays of shape `(n_envs,)`.

Every rule is a pure function written once against the array API standard, so that the same lines
run on NumPy arrays, on torch tensors and, through `envs.market.scalar`, on plain Python floats.

Not here: actions (`envs.actions`), rewards, observations, episodes (`envs.vector_env`).
Read next: `envs.market.transition` (one bar from top to bottom), `envs.market.rules` (each rule).
"""

from envs.market.account import Account, open_account
from envs.market.config import MarketConfig, Terms
from envs.market.contract import ContractSize, contract_size_for
from envs.market.ledger import Ledger, Recorder
from envs.market.tape import Prices, Tape, make_tape
from envs.market.transition import BarOutcome, trade_bar

__all__ = [
    "Account",
    "BarOutcome",
    "ContractSize",
    "Ledger",
    "MarketConfig",
    "Prices",
    "Recorder",
    "Tape",
    "Terms",
    "contract_size_for",
    "make_tape",
    "open_account",
    "trade_bar",
]
