"""The main job without the website: `python -m ml twin PHOTO... --prompt "portrait in a park, smiling" --out out/`."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml import media, safety
from ml.errors import MLError, Stopped
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
        code = "storage_full" if full else "out_of_memory" if isinstance(e, MemoryError) else "unreadable_path"
        return fail(
            args,
            code,
            f"{e.strerror or e}: {e.filename}." if isinstance(e, OSError) else "There is not enough memory for this.",
        )
    except (KeyboardInterrupt, Stopped):
        print("\nStopped. The same command goes on from the last checkpoint.", file=sys.stderr)
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
        p.add_argument("--threads", type=int, help="processor threads")

    def picture(p: argparse.ArgumentParser) -> None:
        p.add_argument("--prompt", required=True)
        p.add_argument("--negative", default="")
        p.add_argument("--style", choices=STYLES, default="photorealistic")
        p.add_argument("--aspect", choices=ASPECTS, default="1:1")
        p.add_argument("--quality", choices=QUALITIES, default="standard")
        p.add_argument("--count", type=int, choices=range(1, 9), default=4)
        p.add_argument("--seed", type=int, default=0)
        p.add_argument("--out", type=Path, default=Path("out"))

    p = verb("twin", twin, "photos in, a trained twin and pictures out")
    p.add_argument("photos", nargs="*", type=Path)
    p.add_argument("--subject", choices=SUBJECTS, default="person")
    p.add_argument("--steps", type=int, help="training steps (the base's rule when not given)")
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
    p.add_argument("--seed", type=int, default=0)
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
    return top


def studio_of(args: argparse.Namespace) -> Any:
    return open_studio(args.profile, source=args.source, keys=args.keys, threads=args.threads)


def say(args: argparse.Namespace, text: str) -> None:
    """To people; programs read standard output."""
    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)


# ---------------------------------------------------------------- verbs


def twin(args: argparse.Namespace) -> None:
    from ml.local.weights import FolderStore

    if not args.photos:
        raise MLError("no_photos", "No photos were given. Name four or more photo files, better ten to twenty-five.")
    refuse_prompt(args.prompt)
    studio = studio_of(args)
    rows, accepted = inspect_all(args, studio, args.photos)
    if not accepted:
        raise MLError(
            "not_enough_photos",
            "None of the photos can be used. See the reason beside each, and choose others.",
        )
    one_person(accepted)
    if len(accepted) < FEW:
        say(args, f"Only {len(accepted)} photos were accepted: ten or more make a better likeness.")
    photos = tuple(Photo(hashlib.sha256(i.clean).hexdigest()[:16], i.clean) for i in accepted)
    store = FolderStore(args.out)
    spec = TrainSpec(photos, args.subject, args.seed, args.steps, args.threads)
    report = studio.train(spec, store=store, on_progress=bar(args))
    say(
        args,
        f"\nLikeness {report.likeness:.2f} (without the twin {report.likeness_base:.2f}, the photos among themselves {report.likeness_real:.2f})",
    )
    wanted = render_spec(args, report.lora, report.sha256)
    pictures = deliver(args, studio.render(wanted, store=store), store)
    sheet = media.contact_sheet([media.to_array(i.clean) for i in accepted], [media.to_array(p.png) for _, p in pictures],
                                [f"likeness {p.likeness:.2f}" if p.likeness is not None else "no face" for _, p in pictures],
                                title=f"{args.prompt} ({args.style}, engine {args.profile})")  # fmt: skip
    store.write("sheet.png", sheet)
    facts = twin_report(args, rows, report, pictures)
    store.write("report.json", json.dumps(facts, indent=1).encode())
    if args.json:
        print(json.dumps(facts))
    say(args, f"Pictures, sheet.png, {report.lora} and report.json are in {args.out}.")


def render(args: argparse.Namespace) -> None:
    from ml.local.weights import FolderStore

    refuse_prompt(args.prompt)
    if args.twin and not args.twin.is_file():
        raise MLError("lora_missing", f"There is no file {args.twin}. Name a twin's LoRA file.")
    store = FolderStore(args.twin.parent if args.twin else args.out)
    spec = render_spec(args, args.twin.name if args.twin else None, None)
    pictures = deliver(args, studio_of(args).render(spec, store=store), FolderStore(args.out))
    if args.json:
        print(json.dumps([picture_row(path, p) for path, p in pictures]))


def people(args: argparse.Namespace) -> None:
    import numpy as np

    from ml.nano.people import random_person, truth, varied_scenes
    from ml.nano.portraits import draw

    if args.count < 1 or args.photos < 1 or args.size < 768:
        raise MLError("invalid", "Ask for at least one person, one photo each and 768 pixels.")
    rows = []
    for n in range(args.count):
        rng = np.random.default_rng([args.seed, n])
        person, scenes = random_person(rng), varied_scenes(rng, args.photos)
        folder = args.out / f"person-{n:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        for i, scene in enumerate(scenes):
            tall = (args.size * 5 // 4) if i % 3 == 0 else args.size
            (folder / f"photo-{i:02d}.jpg").write_bytes(media.encode_jpeg(draw(person, scene, tall, args.size), 92))
        (folder / "truth.json").write_text(json.dumps(truth(person, scenes), indent=1))
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
        faces = studio.embed(verdict.jpeg)
        rows.append(
            {
                "path": str(path),
                "embedder": studio.faces.name,
                "faces": [{"box": f.box, "score": f.score, "vector": v} for f, v in faces],
            }
        )
        say(args, f"{path}: {len(faces)} face{'s' if len(faces) != 1 else ''}")
    if args.json:
        print(json.dumps(rows))


def verify(args: argparse.Namespace) -> None:
    from ml import provenance

    if not args.file.is_file():
        raise MLError("no_such_file", f"There is no file {args.file}.")
    signed_by = args.keys / "signer.pem"
    roots = provenance.Signer.open(args.keys).root_pem if signed_by.is_file() else b""
    found = provenance.verify(args.file.read_bytes(), roots=roots)
    if args.json:
        print(json.dumps(asdict(found)))
    say(args, found.summary)


def bases(args: argparse.Namespace) -> None:
    from ml.local.bases import BASES, present

    rows = [{"name": b.name, "source": "with the program" if b.name == "nano" else b.source, "licence": b.licence, "present": present(b),
             "photorealistic": b.photorealistic} for b in BASES.values()]  # fmt: skip
    if args.json:
        print(json.dumps(rows))
    for r in rows:
        say(args, f"{r['name']:14} {'here' if r['present'] else 'not here':9} {r['licence']:30} {r['source']}")


# ---------------------------------------------------------------- parts


def refuse_prompt(prompt: str) -> None:
    """Before any work: a refused prompt costs nothing."""
    verdict = safety.screen(prompt)
    if not verdict.allowed:
        raise MLError("prompt_refused", verdict.message)


def inspect_all(
    args: argparse.Namespace, studio: Any, paths: list[Path]
) -> tuple[list[dict[str, Any]], list[Inspection]]:
    rows: list[dict[str, Any]] = []
    verdicts: list[Inspection] = []
    for path in paths:
        if not path.is_file():
            raise MLError("no_such_file", f"There is no file {path}.")
        verdict = studio.inspect(path.read_bytes(), verdicts)
        verdicts.append(verdict)
        facts = {"path": str(path), "accepted": verdict.accepted, "code": verdict.code, "detail": verdict.detail}
        rows.append({**facts, "box": verdict.box, "hints": verdict.hints})
        why = f"  {verdict.code}: {verdict.detail}" if verdict.code else ""
        say(args, f"{'accepted' if verdict.accepted else 'refused ':9} {path}{why}")
    return rows, verdicts


def one_person(verdicts: list[Inspection]) -> None:
    """MLError when the photos show two people about equally, so that nobody can say whose twin is meant."""
    from ml.faces import mixed

    mix = mixed(verdicts)
    if mix.detail and not mix.majority:
        raise MLError("other_person", mix.detail)


def bar(args: argparse.Namespace) -> Any:
    """A progress bar on standard error."""
    start = time.monotonic()

    def show(stage: str, share: float) -> bool:
        filled = round(30 * share)
        end = "\n" if stage == "done" else ""
        print(
            f"\r{stage:18} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%} {time.monotonic() - start:4.0f} s",
            end=end,
            file=sys.stderr,
            flush=True,
        )
        return False

    return show


def render_spec(args: argparse.Namespace, name: str | None, sha256: str | None) -> RenderSpec:
    return RenderSpec(
        prompt=args.prompt, negative_prompt=args.negative, lora=name, sha256=sha256, subject=args.subject, style=args.style, aspect=args.aspect,
        quality=args.quality, count=args.count, seed=args.seed,
    )  # fmt: skip


def deliver(args: argparse.Namespace, made: Any, store: Any) -> list[tuple[str, Picture]]:
    out = []
    for p in made:
        name = f"picture-{p.seed}.png"
        store.write(name, p.png)
        out.append((str(args.out / name), p))
        say(args, f"{args.out / name}" + (f"  likeness {p.likeness:.2f}" if p.likeness is not None else ""))
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
