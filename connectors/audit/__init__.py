"""Who did what: record, actor, search and words of the audit log. Uses models."""
