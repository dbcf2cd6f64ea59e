"""The attributes of a portrait and the words for them: plain data for the drawing program, the reader and
captions."""

from __future__ import annotations

COLOURS = {
    "red": (0.78, 0.13, 0.14),
    "blue": (0.13, 0.32, 0.74),
    "green": (0.14, 0.50, 0.26),
    "yellow": (0.95, 0.78, 0.17),
    "orange": (0.93, 0.49, 0.12),
    "purple": (0.47, 0.22, 0.66),
    "pink": (0.93, 0.53, 0.67),
    "white": (0.93, 0.93, 0.92),
    "black": (0.09, 0.09, 0.10),
    "grey": (0.50, 0.51, 0.53),
}
BACKGROUNDS = ("studio", "office", "library", "park", "beach", "city", "sunset", "mountains")
CLOTHES = ("t-shirt", "suit", "hoodie", "turtleneck", "striped shirt", "leather jacket", "dress")
EXPRESSIONS = ("neutral", "smiling", "laughing", "surprised")
GLASSES = ("none", "round", "square")
HATS = ("none", "cap", "beanie", "hat")
LIGHTS = ("soft", "side", "warm", "cool", "back")

# Phrases for a scene. The first phrase of each completes prompts.
SAY: dict[str, dict[str, tuple[str, ...]]] = {
    "style": {
        "photorealistic": (
            "photo",
            "photograph",
            "photorealistic portrait",
            "realistic photo",
            "portrait photo",
        ),
        "cinematic": ("cinematic film still", "movie scene", "cinematic portrait", "film still"),
        "artistic": ("oil painting", "artistic painting", "painted portrait", "artistic portrait"),
        "anime": ("anime drawing", "anime portrait", "manga style drawing", "anime style"),
        "vintage": ("vintage photo", "old sepia photo", "vintage portrait", "retro photo"),
        "noir": ("film noir", "black and white noir", "noir portrait", "monochrome noir photo"),
        "watercolour": ("watercolour", "watercolor painting", "watercolour portrait", "watercolour on paper"),
        "fantasy": ("fantasy art", "magical fantasy portrait", "fantasy scene", "enchanted fantasy art"),
    },
    "background": {
        "office": ("in an office", "at work in an office", "office background", "in the office"),
        "library": ("in a library", "in front of bookshelves", "among books", "library background"),
        "park": ("in a park", "in a green garden", "in the forest", "outdoors among trees", "in nature"),
        "beach": ("on a beach", "by the sea", "at the seaside", "on the sand by the ocean"),
        "city": (
            "in the city at night",
            "on a street with city lights",
            "city lights at night",
            "downtown at night",
        ),
        "sunset": ("at sunset", "on a rooftop at sunset", "under an evening sky", "at dusk", "golden sunset"),
        "mountains": (
            "in the mountains",
            "in front of snowy mountains",
            "on a mountain",
            "snow and mountains",
        ),
    },
    "clothes": {
        "t-shirt": ("{} t-shirt", "{} tee shirt", "{} tshirt"),
        "suit": ("{} suit and tie", "{} business suit", "{} suit", "{} blazer"),
        "hoodie": ("{} hoodie", "{} hooded sweatshirt"),
        "turtleneck": ("{} turtleneck", "{} sweater", "{} pullover", "{} roll neck sweater"),
        "striped shirt": ("{} striped shirt", "{} and white striped shirt", "striped {} sailor shirt"),
        "leather jacket": ("{} leather jacket", "{} biker jacket", "{} jacket"),
        "dress": ("{} dress", "{} summer dress", "{} tank top"),
    },
    "expression": {
        "neutral": ("neutral expression", "serious", "serious look", "calm face"),
        "smiling": ("smiling", "with a smile", "happy smile", "friendly smile"),
        "laughing": ("laughing", "laughing out loud", "with a big laugh", "big open smile"),
        "surprised": ("surprised", "looking surprised", "astonished", "amazed with open mouth"),
    },
    "glasses": {
        "round": ("wearing round glasses", "with round glasses", "round spectacles", "wearing glasses"),
        "square": ("wearing square glasses", "with square glasses", "square spectacles"),
    },
    "hat": {
        "cap": ("wearing a {} cap", "{} baseball cap", "in a {} cap"),
        "beanie": ("wearing a {} beanie", "{} knitted beanie", "in a {} woolly hat"),
        "hat": ("wearing a {} hat", "{} sun hat", "in a {} wide brimmed hat"),
    },
    "light": {
        "soft": ("soft light", "studio light", "even light", "daylight"),
        "side": ("side light", "dramatic side light", "light from the side"),
        "warm": ("warm light", "golden light", "candle light"),
        "cool": ("cool light", "blue light", "moonlight"),
        "back": ("backlight", "rim light", "light from behind"),
    },
}
