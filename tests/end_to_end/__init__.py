"""From files to marts with the commands that users type."""
