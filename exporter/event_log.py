"""The event log."""


def ensure(workspace_id: int) -> None:
    raise NotImplementedError
