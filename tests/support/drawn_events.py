"""What histories draw: some events of several types, good and bad."""

from __future__ import annotations

from hypothesis import strategies as st

OPEN, CLICK, SEND = (f"users.messages.email.{action}" for action in ("Open", "Click", "Send"))
ABORT, ALIAS = "users.campaigns.Abort", "users_campaigns_abort"
UNKNOWN = "a.type.of.tomorrow"
SELECTABLE = [OPEN, CLICK, SEND, ABORT]

kinds = st.sampled_from(["good", "good", "good", "anonymous", "bad", "huge"])
events = st.lists(
    st.tuples(st.sampled_from([OPEN, CLICK, SEND, ALIAS, UNKNOWN]), kinds), min_size=1, max_size=6
)
