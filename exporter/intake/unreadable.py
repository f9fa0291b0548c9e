"""What a file is refused with."""


class FileUnreadable(Exception):
    """The file cannot be read, or not further, or not whole; the text is a sentence about it. What was read before
    is good."""
