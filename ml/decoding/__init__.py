"""The decoder of uploads. All of it but `signatures` runs in a child process with limits: see child.py."""
