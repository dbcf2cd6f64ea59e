"""The default lists that prompts are checked against, in English, Spanish and simplified Chinese. Staff edit
copies of them.

A term matches whole words. `word*` also matches longer words. `a ... b` matches a and b in this order with a
few words between them (see safety.py).
"""

from __future__ import annotations

Terms = tuple[str, ...]


def terms(text: str) -> Terms:
    """Parses a comma-separated list of terms.

    `word*` matches any ending. `a ... b` allows three words between, but no preposition ("remove wrinkles
    from clothes"). Other terms match whole words. Chinese terms match anywhere; `...` allows four characters.
    """
    return tuple(term.strip() for term in text.split(",") if term.strip())


SEXUAL = terms("""
    nude, nudes, nudity, nudist*, naked, topless, seminude, sex, sexual act*, sexual intercourse, sexual pos*, sexual scene,
    sexually explicit, porn*, hentai, xxx, nsfw, erotic*, orgasm*, masturbat*, blowjob*, blow job*, handjob*, fellatio, cunnilingus,
    cum, cumshot*, creampie*, deepthroat*, gangbang*, orgy, orgies, threesome*, bdsm, bondage, fetish*, dildo*, vibrator*, penis*,
    big dick, dick pic*, hard cock, big cock, vagina*, vulva*, genital*, anus, anal, nipple*, areola*, pussy, tits, titties, boobs,
    boob, bare breast*, exposed breast*, breasts exposed, bare butt*, bare ass, fuck*, horny, lewd, milf*, camgirl*, striptease,
    without clothes, without ... clothes on, no clothes, not wearing anything, wearing nothing, birthday suit, onlyfans,
    desnud*, sexo, sexo oral, acto sexual, pornograf*, erotism*, masturb*, tetas, coño, polla, verga, follar, follando, pene, penes,
    pezon*, mamada*, encuerad*, en cueros, en pelotas, sin ropa, orgia*,
    裸体, 裸體, 全裸, 半裸, 裸照, 裸女, 裸男, 裸身, 赤裸, 裸露, 裸奔, 裸聊, 色情, 情色, 淫, 性爱, 性愛, 做爱, 做愛, 性交, 口交, 肛交, 自慰,
    手淫, 阴道, 阴茎, 阴部, 生殖器, 乳头, 露胸, 露点, 露乳, 巨乳, 不穿衣服, 没穿衣服, 没有穿衣服, 一丝不挂, 一絲不掛, 春宫, 无码
""")  # noqa: E501
SUGGESTIVE = terms("""
    sexy, sensual*, seductive*, provocative pose, lingerie, underwear, panties, thong, bra, bikini*, see through, cleavage, stripper*,
    strip club*, brothel*, call girl*, sugar baby, seductor*, lenceria, ropa interior, bragas, tanga, sujetador, burdel,
    prostitut*, puta*, nalgas, 性感, 情趣, 诱惑, 挑逗, 内衣, 内裤, 比基尼, 丁字裤, 妓, 夜总会, 脱衣舞
""")  # noqa: E501
CHILD = terms("""
    child, children, childlike, kid, kids, toddler*, infant*, baby, babies, preteen*, teen, teens, teenage*, tween*, underage*,
    minor, minors, juvenile*, schoolgirl*, schoolboy*, school girl*, school boy*, school kid*, school uniform, little girl*,
    little boy*, young girl*, young boy*, kindergarten*, preschool*, elementary school, middle school, high school, loli, lolis,
    lolita*, lolicon, shota*, jailbait, under 18, prepubescent, pubescent, my daughter, my son,
    niño, niña, niños, niñas, nino, nina, ninos, ninas, bebe, bebes, menor de edad, menores, adolescente*, colegiala*, colegial,
    escolar, infantil, chiquilla*, chiquillo*, preadolescente*,
    儿童, 兒童, 孩子, 小孩, 孩童, 幼女, 幼童, 幼儿, 婴儿, 宝宝, 萝莉, 蘿莉, 正太, 未成年, 少女, 少年, 小学生, 中学生, 初中生, 高中生, 女童,
    男童, 小女孩, 小男孩, 女学生, 学生妹, 校服
""")  # noqa: E501
# These words are also used for adults: refused together with explicit terms, not with "sexy".
YOUTH = terms("girl, girls, boy, boys, 1girl, 1boy, muchacha*, muchacho*, 女孩, 男孩, 小妹妹, 小姑娘")
UNDRESS = terms("""
    undress*, unclothe*, disrobe*, nudify*, deepnude*, clothes off, strip her, strip him, strip them, strip naked, stripping her,
    stripping him, stripped of ... clothes, remov* ... clothes, remov* ... clothing, remov* ... dress,
    remov* ... shirt, remov* ... bra, remov* ... bikini, remov* ... underwear, take off ... clothes, taking off ... clothes,
    take off ... clothing, take off ... dress, take off ... shirt, take off ... bra, taking off ... dress, taking off ... shirt,
    taking off ... bra, take ... clothes off, see through ... clothes, rip off ... clothes,
    desvest*, desvist*, desnudar*, desnuda la, desnudala*, desnudalo*, quit* ... ropa, quit* ... vestido, quit* ... camisa,
    quit* ... sujetador, sacale ... ropa, eliminar ... ropa, arranc* ... ropa,
    脱衣, 脱光, 脱掉...衣, 脱掉...裤, 脱掉...裙, 脱掉...内, 脱掉所有, 脱下...衣, 脱下...裤, 脱下...裙, 扒光, 扒掉, 去掉...衣, 去除...衣, 移除...衣, 除去...衣, 一键脱, 宽衣解带
""")  # noqa: E501
VIOLENCE = terms("""
    gore, gory, behead*, decapitat*, dismember*, mutilat*, disembowel*, torture*, torturing, murder*, massacre*, strangl*, lynching,
    lynched, raping, rape, raped, rapist*, molest*, corpse*, dead body, dead bodies, severed head*, severed hand*, severed limb*, slit ... throat, bloodbath,
    covered in blood, blood splatter*, gunshot wound*, stab her, stab him, stabbed, stabbing, stabs, kill her, kill him, kill them,
    kill someone, kill people, killing her, killing him, killing people, shoot her in, shoot him in, shooting people, mass shooting*,
    school shooting*, firing squad*, beating her, beat her up, beat him up, beating a woman, domestic violence, snuff film,
    decapit*, degoll*, descuartiz*, mutilad*, tortur*, asesin*, apuñal*, apunal*, estrangul*, violacion, violar, violador*, violada,
    cadaver*, matar a, matando a, masacre*, cubierto de sangre, cubierta de sangre, baño de sangre, ahorcad*, linchar, linchamiento,
    血腥, 斩首, 斬首, 砍头, 肢解, 虐杀, 虐待, 屠杀, 屠殺, 酷刑, 杀人, 殺人, 杀死, 强奸, 強姦, 强暴, 轮奸, 尸体, 屍體, 谋杀, 分尸, 枪杀
""")  # noqa: E501
HATE = terms("""
    nigger*, nigga*, faggot*, kike*, gook*, wetback*, raghead*, sandnigger*, tranny, trannies, subhuman*, nazi, nazis, nazism, swastika*,
    sieg heil, heil hitler, third reich, kkk, ku klux klan, white power, white supremac*, gas the jews, ethnic cleansing, blackface,
    sudaca*, maricon*, supremacia blanca, negro de mierda, negra de mierda, moro de mierda, judio de mierda, esvastica*, limpieza etnica,
    纳粹, 納粹, 黑鬼, 支那猪, 支那人, 希特勒, 种族清洗, 白人至上
""")  # noqa: E501
SELF_HARM = terms("""
    suicide, suicidal, suicides, self harm*, selfharm*, self injur*, cutting ... wrist*, cut ... wrist*, slit ... wrist*, hang myself,
    hanging myself, hanging himself, hanging herself, hang himself, hang herself, kill myself, killing myself, kills himself,
    kills herself, overdose, overdosing, suicid*, autolesion*, cortarse las venas, cortarme las venas, ahorcarse, ahorcarme, matarme,
    quitarse la vida, 自杀, 自殺, 自残, 自殘, 割腕, 上吊自
""")  # noqa: E501
# A short initial list; staff edit their own. Full names only, because "swift" and "trump" are words.
PEOPLE = terms("""
    donald trump, melania trump, ivanka trump, joe biden, kamala harris, barack obama, michelle obama, hillary clinton, bill clinton,
    george bush, jd vance, elon musk, jeff bezos, mark zuckerberg, bill gates, vladimir putin, volodymyr zelensky, volodymyr zelenskyy,
    xi jinping, kim jong un, narendra modi, emmanuel macron, angela merkel, olaf scholz, keir starmer, boris johnson, rishi sunak,
    giorgia meloni, viktor orban, recep tayyip erdogan, benjamin netanyahu, pedro sanchez, javier milei, nicolas maduro, lula da silva,
    jair bolsonaro, andres manuel lopez obrador, claudia sheinbaum, gustavo petro, nayib bukele, pope francis, papa francisco,
    pope leo, king charles, queen elizabeth, prince harry, prince william, kate middleton, meghan markle, greta thunberg,
    taylor swift, beyonce, rihanna, ariana grande, billie eilish, selena gomez, justin bieber, lady gaga, katy perry, kim kardashian,
    kylie jenner, kendall jenner, kanye west, dua lipa, miley cyrus, britney spears, shakira, jennifer lopez, bad bunny, rosalia vila,
    scarlett johansson, jennifer lawrence, jennifer aniston, angelina jolie, brad pitt, tom cruise, leonardo dicaprio, emma watson,
    emma stone, natalie portman, margot robbie, gal gadot, megan fox, sydney sweeney, zendaya, timothee chalamet, tom hanks, tom holland,
    johnny depp, keanu reeves, will smith, robert downey jr, ryan reynolds, chris hemsworth, dwayne johnson, morgan freeman,
    penelope cruz, antonio banderas, javier bardem, oprah winfrey, cristiano ronaldo, lionel messi, lebron james, serena williams,
    习近平, 習近平, 毛泽东, 特朗普, 拜登, 奥巴马, 普京, 泽连斯基, 马斯克, 泰勒斯威夫特, 刘德华, 周杰伦, 范冰冰, 杨幂, 刘亦菲,
    章子怡, 赵丽颖, 迪丽热巴
""")  # noqa: E501
# Harmless phrases that contain a listed word; they are removed first. Keep them narrow: the other lists do
# not see the removed text. For example, 女性交 here would hide 少女性交.
INNOCENT = terms("""
    nude lipstick*, nude makeup, nude heels, nude shoes, nude nail*, nude colored, nude coloured, nude tones, nude shade*,
    naked eye, same sex, opposite sex, sex and the city, sex education, sex pistols, pussy willow*, pussy riot, pussy bow, blue tits,
    great tits, coal tits, cum laude, gore tex, al gore, murder mystery, murder on the orient express,
    murder of crows, suicide squad, corpse bride, rape seed, rapeseed, al rape, baby blue, baby pink, baby bump, baby shower,
    baby s breath, babydoll, king charles spaniel*, matar a un ruiseñor, mismo sexo, bello sexo, quitar la ropa de cama, a ojo desnudo,
    pies desnudos, pie desnudo, hombros desnudos, brazos desnudos, arbol* desnudo*, rostro desnudo, cara desnuda,
    性交流, 性交友, 性交往, 性交谈, 性交际, 性交通, 性交替, 性爱好, 性爱美, 性爱护, 性爱心, 性爱吃, 做爱心, 做爱吃, 做爱好, 路口交, 门口交,
    出口交易, 进口交易, 窗口交, 接口交, 红色情, 白色情, 黑色情, 蓝色情, 粉色情, 绿色情, 金色情, 紫色情, 彩色情, 暖色情, 角色情, 特色情, 景色情,
    夜色情, 林阴道, 裸露的岩, 裸露的砖, 裸露岩, 脱掉外衣, 脱掉大衣, 脱掉毛衣, 脱下外衣, 脱下大衣, 脱下毛衣
""")  # noqa: E501
# Ages under 18 as patterns for safety.py: "15 yo", "aged 9", "twelve year old", "15 años", "十五岁".
NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen"
)
NUMEROS = (
    "un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete"
)
AGES = (
    r"\b(?:1[0-7]|[1-9]) ?(?:y ?o|yrs? old|years? old|a[nñ]os?|anitos)\b",
    r"\b(?:aged?|edad de) (?:1[0-7]|[1-9])\b",
    r"(?<!twenty )(?<!thirty )(?<!forty )(?<!fifty )(?<!sixty )"
    rf"\b(?:{NUMBERS.replace(' ', '|')}) years? old\b",
    rf"(?<! y )\b(?:{NUMEROS.replace(' ', '|')}) a[nñ]os\b",
    r"(?<!\d)(?:1[0-7]|[1-9]) ?[岁歲]",
    r"(?<![二三四五六七八九十百])(?:十[一二三四五六七]?|[一二三四五六七八九])[岁歲]",
)
