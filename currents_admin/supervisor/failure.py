"""How a start can end early: with one plain sentence, or because somebody asked it to stop."""


class StartError(Exception):
    """The start cannot go on; the text is one sentence for the person at the terminal."""


class Stopping(Exception):
    """Ctrl-C or SIGTERM arrived while the supervisor was waiting for something."""
