"""`walkfast train --seeds 1,2,3`: the same training with several seeds, side by side.

    results/<run>/chains.json    what they are trainings of: others are refused here
    results/<run>/seeds.json     what they came to together, with their spread
    results/<run>/1/, 2/, ...    what `walkfast train --seed 1` writes, to the bit
    results/<run>/jobs/          a result for each seed: what is done, and not done again

Not here: one training (`bot.cli.chain`), how several run (`training.parallel`), the figures
(`training.over_seeds`).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from bot.cli.bars import load_bars
from bot.cli.boundary import DONE, FAILED, INTERRUPTED, MISTAKE, complain
from bot.cli.chain import Chain, cache_for
from bot.cli.train import display_for, opening
from bot.flags.chain_flags import Chains
from bot.flags.resolve import Request
from envs.errors import ConfigError
from training.agent.kernel import KERNEL_VARIABLE, kernel_state
from training.clock import StageClock
from training.config import to_json, with_values
from training.errors import StoreError
from training.events import Listener, Noticed
from training.identity import differences, identity
from training.machine import usable_memory_bytes
from training.over_seeds import SEEDS_FILE, SeedRun, SeedsFinished, over_seeds
from training.parallel.config import ParallelConfig, shares
from training.parallel.files import JobFiles
from training.parallel.scheduler import Failure, Outcome, run_jobs
from training.prepare import Prepared, prepare, settled_precision
from training.store import (
    JOBS_FOLDER,
    PERFORMANCE_SUMMARY_FILE,
    STATE_FILE,
    RunStore,
    free_folder,
    read_run_file,
)

CHAINS_FILE = "chains.json"
_LONGEST_NAME = 60
_WORKER_BYTES = 700_000_000
"""Memory that a worker takes at its peak, measured with the default network, and some room."""


def run_seeds(request: Request) -> int:
    """Train every seed, and return the exit code.

    0: all are done. 1: at least one was given up. 2: the user's mistake, and none is done. 130:
    interrupted; what is done is kept.
    """
    folder = _folder(request)
    _check_resume(request, folder)
    try:
        outcome = _train_all(request, folder)
    except KeyboardInterrupt:
        complain(_interrupted(request, folder))
        return INTERRUPTED
    for message in _complaints(outcome, folder):
        complain(message)
    if not outcome.failures:
        return DONE
    mistaken = not outcome.results and all(item.is_final for item in outcome.failures.values())
    return MISTAKE if mistaken else FAILED


def _train_all(request: Request, folder: Path) -> Outcome:
    assert request.chains is not None
    config, parallel = request.config, _within_memory(request.chains)
    cache, clock = cache_for(config), StageClock()
    loaded = load_bars(config.data_path, config.data, cache=cache)
    # The first to need the features builds them for all; mistakes in the settings end here.
    prepared = prepare(config, loaded.bars, cache=cache, clock=clock)
    with display_for(request.screen, several=True) as display, RunStore(folder) as store:
        request = _settled(request, prepared, store)
        for notice in (*opening(request, loaded), *_plan(request, parallel)):
            display(notice)
        chains = _make_chains(request, prepared, folder)
        return _run(chains, parallel, store, display)


def _run(
    chains: tuple[Chain, ...], parallel: ParallelConfig, store: RunStore, display: Listener
) -> Outcome:
    jobs = store.path(JOBS_FOLDER)
    _forget_removed(chains, jobs)
    outcome = run_jobs(
        chains,
        folder=jobs,
        config=parallel,
        listener=display,
        variables=_kernel_of_all(chains),
    )
    content = over_seeds([_seed_run(chain, outcome) for chain in chains])
    store.write(SEEDS_FILE, content)
    display(SeedsFinished(folder=str(store.folder), content=content))
    return outcome


def _kernel_of_all(chains: tuple[Chain, ...]) -> dict[str, str]:
    """Build the LSTM kernel once for all, and let workers insist on it: it decides last digits."""
    if chains[0].config.agent.engine == "stock" or kernel_state().kernel is None:
        return {}
    return {KERNEL_VARIABLE: "1"}


def _make_chains(request: Request, prepared: Prepared, folder: Path) -> tuple[Chain, ...]:
    """Return a training for each seed, each in the folder of its seed."""
    assert request.chains is not None
    configs = [replace(request.config, seed=seed) for seed in request.chains.seeds]
    return tuple(
        Chain(
            config=config,
            output=replace(request.output, results_dir=folder, run_name=None, fresh=False),
            provenance={**request.provenance, "seed": "flag"},
            report=request.screen.report,
            identity=identity(config, prepared),
        )
        for config in configs
    )


def _forget_removed(chains: tuple[Chain, ...], jobs: Path) -> None:
    """Let a seed be trained again whose run was removed by hand."""
    for chain in chains:
        if not (chain.folder / PERFORMANCE_SUMMARY_FILE).is_file():
            JobFiles(folder=jobs, name=chain.name).result.unlink(missing_ok=True)


def _settled(request: Request, prepared: Prepared, store: RunStore) -> Request:
    """Take up what was begun in this folder, or begin; refuse other settings and other bars.

    A precision of `auto` is probed once for all: probes that run side by side slow each other.

    Raises:
        StoreError: If the folder holds seeds of another training.
    """
    begun = store.read(CHAINS_FILE)
    probed = settled_precision(prepared, request.config, begun and begun["precision"])
    config = with_values(request.config, {"agent.precision": probed["precision"], "seed": 0})
    made_of = identity(config, prepared)
    if begun is None:
        content = {"identity": made_of, "config": to_json(config), "precision": probed}
        store.write(CHAINS_FILE, content)
    elif begun["identity"] != made_of:
        raise StoreError(
            "Seeds are added only to the training they were begun with",
            came=differences(begun, config, made_of),
            where=str(store.folder),
            mend="give --fresh for a new folder, --run_name for one of your own, or the settings "
            "of the first seeds",
        )
    if request.config.agent.precision != "auto":
        return request
    return replace(
        request,
        config=with_values(request.config, {"agent.precision": probed["precision"]}),
        provenance={**request.provenance, "agent.precision": "derived"},
        notes=(
            *request.notes,
            f"precision {probed['precision']} for all seeds: {probed['reason']}",
        ),
    )


def _within_memory(chains: Chains) -> ParallelConfig:
    """Choose the workers where nobody did: no more than have room."""
    parallel = chains.parallel
    if parallel.n_workers is not None or parallel.engine == "sequential":
        return parallel
    room = max(int(usable_memory_bytes().value // _WORKER_BYTES), 1)
    cores = shares(parallel, n_jobs=len(chains.seeds)).n_workers
    return replace(parallel, n_workers=min(cores, room))


def _plan(request: Request, parallel: ParallelConfig) -> list[Noticed]:
    """Say how many train at a time, and what speaks against it."""
    assert request.chains is not None
    seeds = request.chains.seeds
    share = shares(parallel, n_jobs=len(seeds))
    told = [Noticed(level="info", message=f"{len(seeds)} seeds, {share.n_workers} at a time.")]
    operation = request.config.agent.n_torch_threads
    if share.doubt is not None:
        told.append(Noticed(level="warning", message=f"{share.doubt}."))
    elif operation > share.n_threads:
        message = (
            f"each seed computes on {operation} threads, as --n_threads says, and its share of "
            f"the cores is {share.n_threads}: fewer --workers may be faster."
        )
        told.append(Noticed(level="warning", message=message))
    return told


def _folder(request: Request) -> Path:
    assert request.chains is not None
    output = request.output
    folder = output.results_dir / (output.run_name or _default_name(request.chains.seeds))
    return free_folder(folder) if output.fresh else folder


def _default_name(seeds: tuple[int, ...]) -> str:
    name = "seeds_" + "_".join(map(str, seeds))
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{len(seeds)}_seeds_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _check_resume(request: Request, folder: Path) -> None:
    if request.resume and not (folder / JOBS_FOLDER).is_dir():
        raise ConfigError(
            "--resume needs seeds that were begun",
            came="none",
            where=str(folder),
            mend="drop --resume, or name them with --results_dir, --run_name or --seeds",
        )


def _seed_run(chain: Chain, outcome: Outcome) -> SeedRun:
    failure = outcome.failures.get(chain.name)
    folder = str(chain.folder)
    if failure is not None:
        return SeedRun(seed=chain.seed, run_folder=folder, error=failure.error)
    result = outcome.results[chain.name]["result"]
    return SeedRun(seed=chain.seed, run_folder=folder, summary=result["summary"])


def _complaints(outcome: Outcome, folder: Path) -> list[str]:
    """Say why seeds failed; those that failed alike, together."""
    alike: dict[str, list[str]] = {}
    for name, failure in outcome.failures.items():
        alike.setdefault(_why(failure), []).append(name.removeprefix("seed_"))
    told = []
    for why, seeds in alike.items():
        which = "Seed" if len(seeds) == 1 else "Seeds"
        told.append(f"{which} {', '.join(seeds)} failed. {why}")
    if any(not failure.is_final for failure in outcome.failures.values()):
        told.append(
            f"What they printed is in {folder / JOBS_FOLDER}; the same command tries them again "
            "and keeps what is done."
        )
    return told


def _why(failure: Failure) -> str:
    if failure.is_final:
        return failure.error
    attempts = "1 attempt" if failure.n_attempts == 1 else f"{failure.n_attempts} attempts"
    return f"Given up after {attempts}: {failure.error}."


def _interrupted(request: Request, folder: Path) -> str:
    assert request.chains is not None
    told = [f"seed {seed}: {_folds_done(folder / str(seed))}" for seed in request.chains.seeds]
    if not folder.exists():
        return "Interrupted before training began; nothing was saved."
    way = "the same command goes on from there"
    if request.output.fresh:
        way = (
            f"the same command with --run_name {folder.name} instead of --fresh goes on from there"
        )
    return f"Interrupted; saved in {folder}: {'; '.join(told)}. {way[0].upper()}{way[1:]}."


def _folds_done(run_folder: Path) -> str:
    state = read_run_file(run_folder / STATE_FILE)
    if state is None:
        return "nothing yet"
    return f"{state['completed_iterations']} of {state['total_iterations']} folds"
