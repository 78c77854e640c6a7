"""HCI controllers as radios, through Bumble."""
