"""How a start ends early: with one plain sentence, or because somebody asked for it."""


class StartError(Exception):
    """The start cannot go on; the text is one sentence for the person at the terminal."""


class Stopping(Exception):
    """Ctrl-C or SIGTERM arrived while something was awaited."""
