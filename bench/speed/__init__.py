"""Parts of `bench/engine.py`: arms to race, rates of products, the search for stock's best, memory.

Read next: `bench.speed.arms`.
"""
