from bot.report.described import data_facts, machine_facts


def test_bars_are_described_in_words_the_gist_first():
    data = {
        "format_version": 1,
        "path": "bars.csv",
        "n_bars": 20_000,
        "symbol": "XAUUSDm",
        "first_bar": "2022-11-29T10:45:00+00:00",
        "problems": [],
        "n_of_a_later_version": 3,
    }
    assert data_facts(data) == {
        "Symbol": "XAUUSDm",
        "Bars": "20,000",
        "First bar": "2022-11-29 10:45 UTC",
        "File": "bars.csv",
        "Of a later version": "3",
    }
    assert next(iter(data_facts(data))) == "Symbol"


def test_a_machine_is_described_in_words_and_units():
    machine = {"n_usable_cores": 2.0, "memory_bytes": 2**31, "gpu_memory_bytes": 2**20}
    assert machine_facts(machine) == {
        "Cores that may be used": "2",
        "Memory": "2.00 GiB",
        "Gpu memory": "1.0 MiB",
    }
