"""Twins without the website: `python -m ml twin PHOTO... --prompt "in a park, smiling" --out out/`."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence

from ml.errors import MLError, Stopped

# Each command is a module of ml.commands. Only the requested one is imported: most of them load torch, and
# commands such as `verify` do not need it.
COMMANDS = {
    "twin": "photos in, a trained twin and pictures out",
    "render": "pictures with or without a trained twin",
    "animate": "a clip of a picture, or of words",
    "people": "draw sample people as photos",
    "inspect": "the verdict on each photo",
    "embed": "faces and their vectors",
    "facenet": "embed photographed faces with facenet-pytorch's net, if it is as good as ours",
    "verify": "whether a file came from here, and why",
    "rotate": "make a new signing key; what the old one signed stays ours",
    "bases": "the bases, their licences and whether they are here",
    "fetch": "download a base's files from the hub, or resume; nothing else downloads models",
}
NO_SPACE, NO_QUOTA = 28, 122  # errno


def main(argv: Sequence[str] | None = None) -> int:
    """0 done, 2 an expected failure (one sentence with its code on standard error), 130 interrupted."""
    asked = list(sys.argv[1:] if argv is None else argv)
    args = parser(asked[0] if asked else "").parse_args(asked)
    try:
        args.run(args)
    except MLError as e:
        return fail(args, e.code, e.message)
    except OSError as e:
        full = e.errno in (NO_SPACE, NO_QUOTA)
        code = "storage_full" if full else "unreadable_path"
        return fail(args, code, f"{e.strerror or e}: {e.filename}.")
    except MemoryError:
        return fail(args, "out_of_memory", "There is not enough memory for this.")
    except Stopped:
        print("Stopped. The same command resumes from here.", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


def fail(args: argparse.Namespace, code: str, message: str) -> int:
    if args.json:
        print(json.dumps({"error": {"code": code, "detail": message}}))
    print(f"{code}: {message}", file=sys.stderr)
    return 2


def parser(command: str) -> argparse.ArgumentParser:
    """A parser with the names of all commands, and the arguments of `command`."""
    top = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, help in COMMANDS.items():
        p = commands.add_parser(name, help=help, description=help)
        if name == command:
            module = importlib.import_module(f"ml.commands.{name}")
            p.add_argument("--json", action="store_true", help="answer in JSON on standard output")
            module.add_arguments(p)
            p.set_defaults(run=module.run)
    return top


if __name__ == "__main__":
    sys.exit(main())
