from bot.cli import benchmark_report
from bot.cli.benchmark_report import draw_report
from tests.bot.report.benchmark import made_up_benchmark as made


def test_the_line_names_the_file(tmp_path):
    folder = made.write_benchmark(tmp_path, made.timed_content(n_seeds=2, n_folds=1))
    assert (
        draw_report(folder) == f"{folder / 'report.html'}: the report, with its pictures beside it."
    )
    assert (folder / "speed.png").is_file()


def test_no_picture_turns_finished_runs_into_a_failure(tmp_path, monkeypatch):
    def fail(folder):
        raise ZeroDivisionError("\x1b[31mboom")

    monkeypatch.setattr(benchmark_report, "write_benchmark_report", fail)
    told = draw_report(tmp_path)
    assert told.startswith("The report was not drawn (ZeroDivisionError: ")
    assert "boom); " in told
    assert told.endswith("benchmark.json has every number.")
    assert "\x1b" not in told
