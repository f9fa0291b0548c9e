"""The web server's front: whole requests are gathered and answers handed out without a thread, within stated times."""
