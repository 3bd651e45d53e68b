"""Consoles and bars in a pipe: wide, plain, silent."""

from raysat.cli.console import console, progress_bar


def test_a_pipe_is_wide_and_takes_text_as_it_is(capsys):
    console(piped_width=300).print("[bold]x[/bold] :smile: " + "y" * 250)
    assert capsys.readouterr().out == "[bold]x[/bold] :smile: " + "y" * 250 + "\n"


def test_errors_have_a_stream_of_their_own(capsys):
    console(stderr=True).print("x")
    assert capsys.readouterr() == ("", "x\n")


def test_a_bar_is_silent_in_a_pipe(capsys):
    with progress_bar() as bar:
        for done in range(100):
            bar("reading", done, 100)
        bar("drawing", 0, 1)
    assert capsys.readouterr() == ("", "")
