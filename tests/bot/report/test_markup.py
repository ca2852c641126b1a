from bot.report.markup import Html, join, tag, text
from bot.report.tables import flattened, setting, table

HOSTILE = "<script>alert(1)</script>&\"'\x1b\u202e"


def test_text_is_escaped_and_loses_control_characters():
    assert text(HOSTILE) == "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;��"


def test_markup_is_not_escaped_twice():
    assert text(text("<b>")) == "&lt;b&gt;"
    assert tag("p", tag("b", "<")) == "<p><b>&lt;</b></p>"


def test_attributes_are_escaped_and_named_as_html_names_them():
    assert tag("td", class_='a"b', aria_label="<") == '<td class="a&quot;b" aria-label="&lt;"></td>'


def test_parts_are_joined_and_escaped():
    assert join("<", Html("<br>")) == "&lt;\n<br>"


def test_a_table_escapes_its_cells_and_marks_its_numbers():
    built = table(["Name", "Value"], [["<a>", 5]], kinds="tn")
    assert '<td class="text">&lt;a&gt;</td><td class="number">5</td>' in built


def test_settings_are_listed_by_path_and_lists_stay_whole():
    tree = {"agent": {"n_envs": 16, "net_arch": [64, 32]}, "seed": 42}
    assert flattened(tree) == [("agent.n_envs", 16), ("agent.net_arch", [64, 32]), ("seed", 42)]


def test_settings_are_written_with_every_digit_that_matters():
    values = [0.1, 1e-05, 2500, None, True, "auto", [64, 32], []]
    written = ["0.1", "1e-05", "2,500", "none", "yes", "auto", "64, 32", "none"]
    assert [setting(value) for value in values] == written
