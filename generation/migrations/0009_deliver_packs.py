"""The presets and packs that come with it; staff change them."""

from django.db import migrations

# kind -> {code: (English name, Spanish, Chinese, words of the prompt, words for engines that lack some)}
PRESETS = {
    "background": {
        "office": ("Office", "Oficina", "办公室", "in an office", ""),
        "meeting-room": (
            "Meeting room",
            "Sala de reuniones",
            "会议室",
            "in a modern meeting room",
            "at work in an office",
        ),
        "library": ("Library", "Biblioteca", "图书馆", "in a library", ""),
        "grey-studio": ("Grey", "Gris", "灰色背景", "in a studio with a grey backdrop", ""),
        "white-studio": ("White", "Blanco", "白色背景", "plain white background", ""),
        "black-studio": ("Black", "Negro", "黑色背景", "plain black background", ""),
        "blue-studio": ("Blue", "Azul", "蓝色背景", "plain blue background", ""),
        "yellow-studio": ("Yellow", "Amarillo", "黄色背景", "plain yellow background", ""),
        "pink-studio": ("Pink", "Rosa", "粉色背景", "plain pink background", ""),
        "park": ("Park", "Parque", "公园", "in a park", ""),
        "mountains": ("Mountains", "Montañas", "山间", "in the mountains", ""),
        "beach": ("Beach", "Playa", "海滩", "on a beach", ""),
        "rooftop": ("Rooftop at sunset", "Azotea al atardecer", "日落天台", "on a rooftop at sunset", ""),
        "city-night": ("City at night", "Ciudad de noche", "城市夜景", "in the city at night", ""),
        "workshop": ("Artist's workshop", "Taller de artista", "艺术工作室", "in an artist's workshop", ""),
        "clinic": ("Clinic", "Clínica", "诊所", "in a bright clinic", ""),
    },
    "attire": {
        "black-suit": ("Black suit", "Traje negro", "黑色西装", "wearing a black suit and tie", ""),
        "blue-suit": ("Blue suit", "Traje azul", "蓝色西装", "wearing a blue suit and tie", ""),
        "grey-blazer": ("Grey blazer", "Americana gris", "灰色西装外套", "wearing a grey blazer", ""),
        "white-shirt": ("White shirt", "Camisa blanca", "白衬衫", "wearing a white shirt", ""),
        "striped-shirt": ("Striped shirt", "Camisa de rayas", "条纹衬衫", "wearing a blue striped shirt", ""),
        "turtleneck": ("Turtleneck", "Cuello alto", "高领毛衣", "wearing a black turtleneck", ""),
        "sweater": ("Sweater", "Jersey", "毛衣", "wearing a green sweater", ""),
        "leather-jacket": (
            "Leather jacket",
            "Chaqueta de cuero",
            "皮夹克",
            "wearing a black leather jacket",
            "",
        ),
        "t-shirt": ("T-shirt", "Camiseta", "T恤", "wearing a white t-shirt", ""),
        "hoodie": ("Hoodie", "Sudadera con capucha", "连帽衫", "wearing a yellow hoodie", ""),
        # Scrubs are tunics without buttons: an engine without the word shows nearly the same as a T-shirt.
        "blue-scrubs": (
            "Blue scrubs",
            "Pijama sanitario azul",
            "蓝色手术服",
            "wearing blue medical scrubs",
            "wearing a blue t-shirt",
        ),
        "green-scrubs": (
            "Green scrubs",
            "Pijama sanitario verde",
            "绿色手术服",
            "wearing green medical scrubs",
            "wearing a green t-shirt",
        ),
        "white-coat": ("White coat", "Bata blanca", "白大褂", "wearing a white doctor's coat", ""),
    },
    "light": {
        "soft": ("Soft", "Suave", "柔光", "soft light", ""),
        "window": ("By a window", "Junto a una ventana", "窗边自然光", "light from a window", "daylight"),
        "side": ("From the side", "Lateral", "侧光", "side light", ""),
        "warm": ("Warm", "Cálida", "暖光", "warm light", ""),
        "cool": ("Cool", "Fría", "冷光", "cool light", ""),
        "back": ("From behind", "A contraluz", "逆光", "backlight", ""),
    },
}
# code -> (English name, Spanish, Chinese, codes of presets, other columns)
PACKS = {
    "office": (
        "Office",
        "Oficina",
        "职场",
        "office meeting-room library grey-studio black-suit blue-suit grey-blazer white-shirt soft window side",
        {},
    ),
    "studio": (
        "Studio",
        "Estudio",
        "影棚",
        "grey-studio white-studio black-studio blue-studio black-suit white-shirt turtleneck sweater soft side"
        " back",
        {},
    ),
    "outdoors": (
        "Outdoors",
        "Al aire libre",
        "户外",
        "park mountains beach rooftop leather-jacket sweater t-shirt striped-shirt soft warm back",
        {},
    ),
    "creative": (
        "Creative",
        "Creativo",
        "创意",
        "city-night yellow-studio pink-studio workshop leather-jacket hoodie striped-shirt turtleneck soft side"
        " warm",
        {},
    ),
    "medical": (
        "Medical",
        "Sanidad",
        "医护",
        "clinic white-studio blue-studio blue-scrubs green-scrubs white-coat soft window",
        {},
    ),
    "black-and-white": (
        "Black and white",
        "Blanco y negro",
        "黑白",
        "grey-studio black-studio white-studio black-suit turtleneck white-shirt side soft back",
        {"style": "noir", "words": "black and white"},
    ),
}


def deliver(pack, preset):
    """Inserts what is missing; rows that are there stay as staff left them."""
    preset.objects.bulk_create((preset(**facts) for facts in _presets()), ignore_conflicts=True)
    rows, there = (
        dict(preset.objects.values_list("code", "id")),
        set(pack.objects.values_list("code", flat=True)),
    )
    named = {code: facts for code, facts in PACKS.items() if code not in there}
    made = pack.objects.bulk_create(pack(**_columns(code)) for code in named)
    through = pack.presets.through
    through.objects.bulk_create(
        through(pack_id=row.id, preset_id=rows[code]) for row in made for code in PACKS[row.code][3].split()
    )


def _presets():
    for kind, named in PRESETS.items():
        for order, (code, (name, name_es, name_zh, words, simple)) in enumerate(named.items()):
            names = {
                "name": name,
                "name_es": name_es,
                "name_zh": name_zh,
                "words": words,
                "simple_words": simple,
            }
            yield names | {"code": code, "kind": kind, "order": order}


def _columns(code):
    name, name_es, name_zh, _presets, more = PACKS[code]
    names = {"name": name, "name_es": name_es, "name_zh": name_zh}
    return names | more | {"code": code, "order": list(PACKS).index(code)}


def forward(apps, editor):
    deliver(apps.get_model("generation", "Pack"), apps.get_model("generation", "Preset"))


class Migration(migrations.Migration):
    dependencies = [("generation", "0008_packs")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
