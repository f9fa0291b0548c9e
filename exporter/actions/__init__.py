"""What a person's click or change does to the machine. Uses reports, delivery and below."""
