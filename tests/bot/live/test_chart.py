from bot.live.chart import Canvas, draw


def test_a_rising_line_in_plain_characters_goes_from_bottom_left_to_top_right():
    lines = draw([0, 1, 2], [0, 1, 2], Canvas(n_columns=3, n_rows=3, unicode=False))
    assert lines == ["  .", " . ", ".  "]


def test_the_best_point_is_marked():
    canvas = Canvas(n_columns=3, n_rows=2, unicode=False)
    assert draw([0, 1, 2], [0, 1, 0], canvas, best=1) == [" * ", ". ."]


def test_neighbouring_points_are_connected():
    canvas = Canvas(n_columns=5, n_rows=3, unicode=False)
    assert draw([0, 4], [0, 2], canvas) == ["   ..", "  .  ", "..   "]


def test_braille_packs_eight_dots_into_a_character():
    cell = Canvas(n_columns=1, n_rows=1)
    # Up from bottom left (0x40, 0x04) over to top right (0x10, 0x08).
    assert draw([0, 1], [0, 3], cell) == [chr(0x2800 + 0x40 + 0x04 + 0x10 + 0x08)]
    # Equal values: the two dots of the lower middle row.
    assert draw([0, 1], [1, 1], cell) == [chr(0x2800 + 0x04 + 0x20)]


def test_a_single_point_lies_in_the_middle():
    canvas = Canvas(n_columns=3, n_rows=3, unicode=False)
    assert draw([500], [0.1], canvas) == ["   ", " . ", "   "]


def test_no_points_leave_a_blank_canvas_of_the_same_size():
    assert draw([], [], Canvas(n_columns=4, n_rows=2), best=None) == ["    ", "    "]
