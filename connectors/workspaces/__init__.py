"""What belongs to a workspace: members, owners, invitations, tokens. Uses audit, vault, mail and models."""
