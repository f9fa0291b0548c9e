"""How a start ends early: with one plain sentence, or because somebody asked for it."""


class StartError(Exception):
    """The start cannot go on; the text is one sentence for the person at the terminal."""


class Stopping(Exception):  # noqa: N818 - no error
    """Ctrl-C or SIGTERM arrived while something was awaited."""
