"""The main job without the website: `python -m ml twin PHOTO... --prompt "portrait in a park, smiling" --out out/`."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml import faces, media, provenance, safety
from ml import fetch as fetching
from ml.errors import MLError, Stopped
from ml.provenance import Signer
from ml.studio import open_studio
from ml.types import (
    ASPECTS,
    QUALITIES,
    STYLES,
    SUBJECTS,
    Inspection,
    Photo,
    Picture,
    RenderSpec,
    TrainReport,
    TrainSpec,
)

FEW = 10


def main(argv: Sequence[str] | None = None) -> int:
    """0 done, 2 an expected failure (one sentence with its code on standard error), 130 interrupted."""
    args = parser().parse_args(argv)
    try:
        args.verb(args)
    except MLError as e:
        return fail(args, e.code, e.message)
    except (OSError, MemoryError) as e:
        full = isinstance(e, OSError) and e.errno in (28, 122)
        code = (
            "storage_full" if full else "out_of_memory" if isinstance(e, MemoryError) else "unreadable_path"
        )
        return fail(
            args,
            code,
            f"{e.strerror or e}: {e.filename}."
            if isinstance(e, OSError)
            else "There is not enough memory for this.",
        )
    except Stopped:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
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


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, function: Any, help: str) -> argparse.ArgumentParser:
        p = verbs.add_parser(name, help=help, description=help)
        p.add_argument("--json", action="store_true", help="answer in JSON on standard output")
        p.set_defaults(verb=function)
        return p

    def engine(p: argparse.ArgumentParser) -> None:
        p.add_argument("--profile", default="nano", help="the base (see the verb bases)")
        p.add_argument("--source", help="a local directory in the base's place")
        p.add_argument("--keys", type=Path, default=Path("var/keys"), help="folder of the signing key")
        p.add_argument("--threads", type=at_least(1), help="processor threads")

    def picture(p: argparse.ArgumentParser) -> None:
        p.add_argument("--prompt", required=True)
        p.add_argument("--negative", default="")
        p.add_argument("--style", choices=STYLES, default="photorealistic")
        p.add_argument("--aspect", choices=ASPECTS, default="1:1")
        p.add_argument("--quality", choices=QUALITIES, default="standard")
        p.add_argument("--count", type=int, choices=range(1, 9), default=4)
        p.add_argument("--seed", type=at_least(0), default=0)
        p.add_argument("--out", type=Path, default=Path("out"))

    p = verb("twin", twin, "photos in, a trained twin and pictures out")
    p.add_argument("photos", nargs="*", type=Path)
    p.add_argument("--subject", choices=SUBJECTS, default="person")
    p.add_argument("--steps", type=at_least(4), help="training steps (the base's rule when not given)")
    picture(p)
    engine(p)
    p = verb("render", render, "pictures of a trained twin, or of nobody")
    p.add_argument("--twin", type=Path, help="the LoRA file")
    p.add_argument("--subject", choices=SUBJECTS, default="person")
    picture(p)
    engine(p)
    p = verb("people", people, "draw sample people as photos")
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--photos", type=int, default=12)
    p.add_argument("--seed", type=at_least(0), default=0)
    p.add_argument("--size", type=int, default=768, help="short side in pixels")
    p.add_argument("--out", type=Path, required=True)
    p = verb("inspect", inspect, "the verdict on each photo")
    p.add_argument("photos", nargs="+", type=Path)
    engine(p)
    p = verb("embed", embed, "faces and their vectors")
    p.add_argument("photos", nargs="+", type=Path)
    engine(p)
    p = verb("verify", verify, "what a file says of where it came from")
    p.add_argument("file", type=Path)
    p.add_argument("--keys", type=Path, default=Path("var/keys"), help="folder of the signing key")
    p = verb("bases", bases, "the bases, their licences and whether they are here")
    p.add_argument(
        "--fits", action="store_true", help="also what of them fits into this machine's memory, and how"
    )
    p = verb(
        "fetch", fetch, "get a base's files from the hub, or go on with it; nothing else downloads models"
    )
    p.add_argument("profile", help="the base (see the verb bases)")
    fetching.add_arguments(p)
    return top


def at_least(least: int) -> Any:
    """An argument's type: a whole number from `least` to 2,000,000,000."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= 2_000_000_000:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to 2,000,000,000 is wanted")
        return value

    return number


def studio_of(args: argparse.Namespace) -> Any:
    return open_studio(args.profile, source=args.source, keys=args.keys, threads=args.threads)


def say(args: argparse.Namespace, text: str) -> None:
    """To people; programs read standard output."""
    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)


# ---------------------------------------------------------------- verbs


def twin(args: argparse.Namespace) -> None:
    from ml.local.weights import FolderStore

    if not args.photos:
        raise MLError(
            "no_photos", "No photos were given. Name four or more photo files, better ten to twenty-five."
        )
    safety.refuse_prompt(args.prompt, args.negative)
    store, signer = FolderStore(args.out), Signer.open(args.keys)
    store.write("report.json", b"{}")  # that it cannot be written is told now, not after the training
    store.delete("report.json")
    studio = studio_of(args)
    rows, accepted = inspect_all(args, studio, args.photos)
    if not accepted:
        raise MLError(
            "not_enough_photos", "None of the photos can be used. See the reason beside each; choose others."
        )
    if len(accepted) < FEW:
        say(args, f"Only {len(accepted)} photos were accepted: ten or more make a better likeness.")
    photos = tuple(Photo(hashlib.sha256(i.clean).hexdigest()[:16], i.clean) for i in accepted)
    report = train(args, studio, TrainSpec(photos, args.subject, args.seed, args.steps, args.threads), store)
    pictures = deliver(args, studio.render(render_spec(args, report.lora, report.sha256), store=store), store)
    sheet = media.contact_sheet(
        [media.to_array(i.clean) for i in accepted],
        [media.to_array(p.png) for _, p in pictures],
        [f"likeness {p.likeness:.2f}" if p.likeness is not None else "no face" for _, p in pictures],
        title=f"{args.prompt} ({args.style}, engine {args.profile})",
    )
    signed = {
        "engine": args.profile,
        "ident": pictures[0][1].mark if pictures else 0,
        "created": datetime.now(UTC),
    }
    store.write("sheet.png", signer.sign(sheet, "image/png", **signed))
    facts = twin_report(args, rows, report, pictures)
    store.write("report.json", json.dumps(facts, indent=1).encode())
    if args.json:
        print(json.dumps(facts))
    say(args, f"Pictures, sheet.png, {report.lora} and report.json are in {args.out}.")


def train(args: argparse.Namespace, studio: Any, spec: TrainSpec, store: Any) -> TrainReport:
    """With a bar; Ctrl-C stops at the next step and leaves a checkpoint."""
    bar = Bar()
    before = signal.signal(signal.SIGINT, lambda *_: setattr(bar, "stop", True))
    try:
        report: TrainReport = studio.train(spec, store=store, on_progress=bar)
    finally:
        signal.signal(signal.SIGINT, before)
        bar.close()
    real = report.likeness_real
    say(
        args,
        f"Likeness {report.likeness:.2f} (without the twin {report.likeness_base:.2f}, between photos {real:.2f})",
    )
    if not report.recognised:
        say(args, "That is below what counts as recognised: more and more varied photos help.")
    return report


def render(args: argparse.Namespace) -> None:
    from ml.local.weights import FolderStore

    safety.refuse_prompt(args.prompt, args.negative)
    if args.twin and not args.twin.is_file():
        raise MLError("lora_missing", f"There is no file {args.twin}. Name a twin's LoRA file.")
    store = FolderStore(args.twin.parent if args.twin else args.out)
    spec = render_spec(args, args.twin.name if args.twin else None, None)
    pictures = deliver(args, studio_of(args).render(spec, store=store), FolderStore(args.out))
    if args.json:
        print(json.dumps([picture_row(path, p) for path, p in pictures]))


def people(args: argparse.Namespace) -> None:
    import numpy as np

    from ml.drawn.people import random_person, truth, varied_scenes
    from ml.drawn.portraits import draw
    from ml.local.weights import FolderStore

    if args.count < 1 or args.photos < 1 or args.size < 768:
        raise MLError("invalid", "Ask for at least one person, one photo each and 768 pixels.")
    rows = []
    for n in range(args.count):
        rng = np.random.default_rng([args.seed, n])
        person, scenes = random_person(rng), varied_scenes(rng, args.photos)
        folder = args.out / f"person-{n:03d}"
        store = FolderStore(folder)
        for i, scene in enumerate(scenes):
            tall = (args.size * 5 // 4) if i % 3 == 0 else args.size
            store.write(f"photo-{i:02d}.jpg", media.encode_jpeg(draw(person, scene, tall, args.size), 92))
        store.write("truth.json", json.dumps(truth(person, scenes), indent=1).encode())
        rows.append({"folder": str(folder), "subject": person.gender, "photos": len(scenes)})
        say(args, f"{folder}: {len(scenes)} photos of a {person.gender}")
    if args.json:
        print(json.dumps(rows))


def inspect(args: argparse.Namespace) -> None:
    rows, _ = inspect_all(args, studio_of(args), args.photos)
    if args.json:
        print(json.dumps(rows))


def embed(args: argparse.Namespace) -> None:
    studio = studio_of(args)
    rows = []
    for path in args.photos:
        verdict = media.clean(path.read_bytes())
        found = studio.embed(verdict.jpeg)
        rows.append(
            {
                "path": str(path),
                "embedder": studio.faces.name,
                "faces": [{"box": f.box, "score": f.score, "vector": v} for f, v in found],
            }
        )
        say(args, f"{path}: {len(found)} face{'s' if len(found) != 1 else ''}")
    if args.json:
        print(json.dumps(rows))


def verify(args: argparse.Namespace) -> None:
    if not args.file.is_file():
        raise MLError("no_such_file", f"There is no file {args.file}.")
    roots = provenance.known_roots(args.keys)
    found = provenance.verify_apart(args.file.read_bytes(), roots=roots)
    if args.json:
        print(json.dumps(asdict(found)))
    say(args, found.summary)


def bases(args: argparse.Namespace) -> None:
    from ml.local.bases import BASES, present

    rows: list[dict[str, Any]] = [
        {
            "name": b.name,
            "source": "with the program" if b.name == "nano" else b.source,
            "licence": b.licence,
            "present": present(b),
            "photorealistic": b.photorealistic,
        }
        for b in BASES.values()
    ]
    if args.fits:
        import torch

        from ml.local import fitting

        device = "cuda" if torch.cuda.is_available() else "cpu"
        for row in rows:
            if row["present"]:
                row["serving"], row["training"] = fitting.says(BASES[row["name"]], device)
    if args.json:
        print(json.dumps(rows))
    for r in rows:
        say(
            args, f"{r['name']:14} {'here' if r['present'] else 'not here':9} {r['licence']:30} {r['source']}"
        )
        for what in ("serving", "training"):
            if what in r:
                say(args, f"{'':14} {what} {r[what]}")


def fetch(args: argparse.Namespace) -> None:
    done = fetching.run(args.profile, args, lambda text: say(args, text))
    if args.json:
        print(json.dumps(asdict(done)))


# ---------------------------------------------------------------- parts


def inspect_all(
    args: argparse.Namespace, studio: Any, paths: list[Path]
) -> tuple[list[dict[str, Any]], list[Inspection]]:
    """(a row for each photo, the verdicts of those accepted). MLError `other_person` when two people share the photos."""
    files = []
    for path in paths:
        if not path.is_file():
            raise MLError("no_such_file", f"There is no file {path}.")
        files.append(path.read_bytes())
    verdicts: list[Inspection] = []
    for path, data in zip(paths, files):
        verdicts.append(studio.inspect(data, verdicts))
        say_verdict(args, path, verdicts[-1])
    for i in faces.settle(verdicts, lambda i, others: studio.inspect(files[i], others)):
        say_verdict(args, paths[i], verdicts[i])
    rows = [
        {
            "path": str(p),
            "accepted": v.accepted,
            "code": v.code,
            "detail": v.detail,
            "box": v.box,
            "hints": v.hints,
        }
        for p, v in zip(paths, verdicts)
    ]
    return rows, [v for v in verdicts if v.accepted]


def say_verdict(args: argparse.Namespace, path: Path, said: Inspection) -> None:
    why = f"  {said.code}: {said.detail}" if said.code else ""
    say(args, f"{'accepted' if said.accepted else 'refused':9} {path}{why}")


class Bar:
    """A progress bar on standard error; one line a stage where that is no terminal. `stop` ends the work."""

    def __init__(self) -> None:
        self.start, self.stop, self.stage = time.monotonic(), False, ""

    def __call__(self, stage: str, share: float) -> bool:
        seconds = f"{time.monotonic() - self.start:4.0f} s"
        if sys.stderr.isatty():
            filled = round(30 * share)
            print(
                f"\r{stage:18} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%} {seconds}",
                end="",
                file=sys.stderr,
                flush=True,
            )
        elif stage != self.stage:
            print(f"{stage} {seconds}", file=sys.stderr, flush=True)
        self.stage = stage
        return self.stop

    def close(self) -> None:
        if self.stage and sys.stderr.isatty():
            print(file=sys.stderr)


def render_spec(args: argparse.Namespace, name: str | None, sha256: str | None) -> RenderSpec:
    return RenderSpec(
        prompt=args.prompt,
        negative_prompt=args.negative,
        lora=name,
        sha256=sha256,
        subject=args.subject,
        style=args.style,
        aspect=args.aspect,
        quality=args.quality,
        count=args.count,
        seed=args.seed,
    )


def deliver(args: argparse.Namespace, made: Any, store: Any) -> list[tuple[str, Picture]]:
    """Write the pictures as they come. Those that may not be shown are left out; MLError when that is all of them."""
    out: list[tuple[str, Picture]] = []
    try:
        for p in made:
            name = f"picture-{p.seed}.png"
            store.write(name, p.png)
            out.append((str(args.out / name), p))
            say(
                args,
                f"{args.out / name}" + (f"  likeness {p.likeness:.2f}" if p.likeness is not None else ""),
            )
    except MLError as e:
        if e.code != "result_refused" or not out:
            raise
        say(args, e.message)
    return out


def picture_row(path: str, p: Picture) -> dict[str, Any]:
    return {
        "path": path,
        "prompt": p.prompt,
        "seed": p.seed,
        "likeness": p.likeness,
        "safety": p.safety,
        "seconds": round(p.seconds, 2),
        "mark": p.mark,
    }


def twin_report(
    args: argparse.Namespace,
    rows: list[dict[str, Any]],
    report: TrainReport,
    pictures: list[tuple[str, Picture]],
) -> dict[str, Any]:
    import diffusers
    import torch

    return {
        "profile": args.profile,
        "photos": rows,
        "training": {k: (round(v, 4) if isinstance(v, float) else v) for k, v in asdict(report).items()},
        "pictures": [picture_row(path, p) for path, p in pictures],
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
