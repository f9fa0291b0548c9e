"""What is wrong, from when to when, and the mails about it. Uses reports and below."""
