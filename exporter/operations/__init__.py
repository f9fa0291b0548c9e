"""What a team on call asks at a terminal: how everything stands, and what is wrong with the installation. Uses reports,
destinations, dispatch and below."""
