#!/usr/bin/env python
"""Django's command line. In a checkout it works on what `make run` runs there."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    from config.start import checkout

    checkout.join(checkout.var_folder())
    execute_from_command_line(sys.argv)
