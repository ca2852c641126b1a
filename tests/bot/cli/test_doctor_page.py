"""The page of `walkfast doctor`, and its JSON."""

from __future__ import annotations

import json

import pytest

from bot.cli.doctor_page import Diagnosis, facts, print_page
from tests.bot.cli.examined import GIB, examination, machine, surroundings
from training.agent.config import ORIGINAL_AGENT, AgentConfig
from training.agent.hardware import Gpu
from training.agent.speed import Round

FLAGS = "--engine chunked --n_envs 64 --n_steps 32 --precision bf16 --n_threads 2"


def diagnosis(**changes):
    values = {
        "profile": "balanced",
        "asked": AgentConfig(),
        "found": examination(),
        "around": surroundings(),
        "odd": (),
    }
    return Diagnosis(**(values | changes))


def page(capsys, monkeypatch, columns=100, **changes):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_page(diagnosis(**changes))
    return capsys.readouterr().out


def entries(text):
    """Labels with their texts, the lines that continue one joined to it."""
    found = {}
    label = ""
    for row in text.splitlines():
        label = row[:14].strip() or label
        found[label] = f"{found.get(label, '')} {row[14:].strip()}".strip()
    return found


def test_the_machine_is_told(capsys, monkeypatch):
    gpu = Gpu(name="H200", memory_bytes=140 * GIB, compute_capability=(9, 0))
    hardware = machine(gpus=(gpu,), torch_cuda="13.0")
    told = entries(page(capsys, monkeypatch, found=examination(hardware=hardware)))
    assert told["Processor"] == "Made-up 9000, x86_64, Linux"
    assert told["Cores"] == "4 physical, 8 logical; usable: 8 of 8 logical cores; load 0.3"
    assert told["Instructions"] == "AVX-512, AMX bf16; torch's kernels use AVX512"
    assert told["Memory"] == "16.00 GiB, 12.00 GiB of it free"
    assert told["GPU"] == "H200, 140.00 GiB, compute capability 9.0"
    assert "(CUDA 13.0)" in told["Versions"]
    assert told["Cache"] == "3.0 MiB in /home/x/.cache/walkfast, writable; 50.00 GiB free there"
    assert told["Screen"] == "120 columns, utf-8"


def test_what_a_machine_does_not_tell_is_left_out(capsys, monkeypatch):
    hardware = machine(n_physical_cores=None, load=None, has_avx512=False, has_amx_bf16=False)
    around = surroundings(disk_free_bytes=None, cache_writable=False)
    found = examination(hardware=hardware)
    told = entries(page(capsys, monkeypatch, found=found, around=around))
    assert told["Cores"] == "8 logical; usable: 8 of 8 logical cores"
    assert told["Instructions"].startswith("no AVX-512, no AMX;")
    assert told["GPU"] == "none that torch can use"
    assert told["Cache"] == "3.0 MiB in /home/x/.cache/walkfast, not writable"


def test_what_the_engine_would_do_is_told_with_why(capsys, monkeypatch):
    told = entries(page(capsys, monkeypatch))
    assert told["Agent"].startswith("LSTM 64 x 1, critic's separate, layers 64; environments 16 x ")
    assert told["Engine"] == "chunked, on cpu"
    assert told["Precision"] == "bf16: bf16 updates ran at 1.52 times the speed of float32"
    assert told["Threads"].startswith("2: two train at 1.60 times the speed of one")
    assert told["Speed"] == (
        "15,000 env steps/s, rollouts 20% and updates 80% of the time; an episode ended every "
        "1,234 steps"
    )


def test_a_profile_that_trains_with_stock_is_told_so(capsys, monkeypatch):
    told = entries(page(capsys, monkeypatch, asked=ORIGINAL_AGENT, profile="legacy"))
    assert told["Engine"] == (
        "chunked, on cpu; profile legacy trains with stock, which --engine stock would measure"
    )


def test_the_table_names_what_was_asked_for_and_what_is_recommended(capsys, monkeypatch):
    rows = [row.split() for row in page(capsys, monkeypatch).splitlines()]
    assert ["16", "128", "2,048", "15,000", "1.00", "as", "asked"] in rows
    assert ["64", "32", "2,048", "20,000", "1.33", "recommended"] in rows
    assert ["128", "32", "4,096", "20,400", "1.36"] in rows


def test_a_change_of_what_is_learned_is_said_to_be_one(capsys, monkeypatch):
    text = page(capsys, monkeypatch)
    told = entries(text)
    assert told["Recommended"].startswith("64 environments of 32 steps")
    assert (
        "1.33 times the speed of what was asked for. This changes what is learned"
        in told["Recommended"]
    )
    assert told["Left out"].startswith("1 larger size")
    assert text.endswith(f"To train so, add to walkfast train:\n  {FLAGS}\n")


def test_what_is_near_the_best_stays(capsys, monkeypatch):
    found = examination(others=(), n_left_out=0)
    told = entries(page(capsys, monkeypatch, found=found))
    assert told["Recommended"] == "the 16 environments asked for: within 5% of the best."
    assert "Left out" not in told


def test_oddities_are_listed_and_none_is_said(capsys, monkeypatch):
    assert entries(page(capsys, monkeypatch))["Odd"] == "nothing."
    text = page(capsys, monkeypatch, odd=("One thing.", "Another."))
    assert "Odd           One thing.\n              Another.\n" in text


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_line_but_that_to_copy_is_wider_than_the_terminal(capsys, monkeypatch, columns):
    text = page(capsys, monkeypatch, columns=columns, odd=("A long sentence of words. " * 9,))
    *lines, to_copy = text.splitlines()
    assert max(map(len, lines)) <= columns
    assert to_copy == f"  {FLAGS}"


def test_the_json_has_every_figure_of_the_page():
    content = json.loads(json.dumps(facts(diagnosis()), allow_nan=False))
    assert content["precision"]["bf16_speedup"] == 1.52
    assert content["threads"]["n_threads"] == 2
    assert content["speed"]["steps_per_s"] == pytest.approx(15_000.0)
    assert [speed["n_envs"] for speed in content["environments"]] == [16, 32, 64, 128]
    assert content["recommended"]["n_envs"] == 64
    assert content["flags"] == FLAGS
    assert content["hardware"]["n_usable_cores"] == 8.0
    assert content["surroundings"]["cache_writable"] is True
    assert content["agent"]["lstm_hidden_size"] == 64


def test_flags_of_stock_name_no_precision():
    stock = examination().speed
    stock = type(stock)(
        config=AgentConfig(engine="stock", n_threads=1),
        rounds=(Round(1.0, 1.0),),
        mean_episode_bars=None,
    )
    flags = diagnosis(found=examination(speed=stock, others=())).flags
    assert flags == "--engine stock --n_envs 128 --n_steps 64 --n_threads 1"
