"""The report of a run: `report.html` and `equity.png`, made from the results files alone.

Start reading at `bot.report.write`. Nothing is computed here that decides anything: figures come
from the files, pictures and sentences are made of them. Not here: the screen (`bot.live`).
"""

from bot.report.write import write_report

__all__ = ["write_report"]
