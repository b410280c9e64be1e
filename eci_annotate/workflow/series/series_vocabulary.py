"""Words of series descriptions, as vendors, hospitals and languages write them.

Patterns are searched in what `words_of` returns: lower case, without accents, words separated by blanks. "Without fat
saturation" says nothing of a contrast agent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

# letters that Unicode does not decompose into a letter and an accent
LETTERS = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ß": "ss"})
ROMAN = ("i", "ii", "iii", "iv", "v", "vi")
MARKS = (
    (re.compile(r"\) ?- ?\("), " sub "),
    (re.compile(r"(?:^|(?<=[ _]))(\d)-[01](?=$|[ _])"), r" sub\1 "),
    *((re.compile(rf"(sub[a-z]*)[ _]{roman}(?=$|[ _])"), rf"\1 {n}") for n, roman in enumerate(ROMAN, 1)),
    (re.compile(r"(?<=\d) ?(''|\"|″)"), " s "),
    (re.compile(r"(?<=\d) ?(?:'|′|`|’)"), " min "),
    (re.compile(r"(?<=\d)[.,]\d+(?= ?s(?:e[ck]\w*)?(?![a-z]))"), ""),
    (re.compile(r"(?<![a-z])del(?:ay\w*)?[ _:=-]*(?=\d+ ?s(?:e[ck]\w*)?(?![a-z]))"), " "),
    (re.compile(r"(?:^|(?<=[\s_]))-c(?=[\s_]|$)|(?:^|(?<=[\s_]))ce?-(?=[\s_]|$)"), " native "),
    (re.compile(r"\+ ?c(?=[\s_]|$)|(?<![a-z])c\+(?=[\s_]|$)"), " plus c "),
    (re.compile(r"(?<![a-z])ce?\(-\)|\bivk-"), " native "),
    (re.compile(r"(?<![a-z])ce?\(\+\)|\bivk\+"), " plus c "),
    (re.compile(r"t2 ?\*"), "t2star "),
    (re.compile(r"r2 ?\*"), "r2star "),
)

SECONDS = r"(s(e[ckg])?|sn|byou)"
PHASES: Mapping[str, Sequence[str]] = {
    "native": (
        r"nati[vf]", r"natiiv", r"natyw", r"\bnat\b", r"unenh", r"(non|pre) ?-?(contr|enh|km\b|gd\b|gado|kontr)",
        r"\bnon ?con\b",
        r"(?<!w/)(?<!with )(?<!w )\bw/?o\b(?! ?(w|and|und|/)\b)(?! ?(fs\b|fat|fett|spair|spir|stir))",
        r"\bwithout\b(?! ?(fs\b|fat|fett|spair|spir|stir))", r"\bs/ ?c",
        r"\b(ohne|sans|sin|sem|senza|zonder|utan|uten|uden|ilman|bez)\b(?! ?(fs\b|fat|fett|spair|spir|stir))",
        r"\b(nc|ncct|ncect|pre|plain|blanco|blanko|dirett[ao])\b",
        r"\b(basale|basal|kontrastsiz|k ?siz|avant|mask|maske|masque)\b",
        r"\b(av|ss) (gado|inj|iv|pdc)", r"\bo ?k ?m\b", r"\bs ?mdc\b", r"\bno (gd|gad|contr|iv)",
        r"\bfore kontr", r"\bvor (km|kontr|gd|gad)", r"χωρις", r"\b[cx]h?oris\b", r"\buenh", r"\bfor kontrast",
        r"\bprzed (k\b|kontr|podan)", r"\bpred (kontr|kl)",
        r"\bu/? ?k(ontr\w*)?\b", r"tanjun", r"ping ?sao", r"\bleer(e|aufn\w*|serie)?\b", r"\bvacio\b",
        r"\bsimple\b", r"truoc tiem", r"khong (tiem|can quang|thuoc)", r"\btanpa kontras",
        r"\bprae?\b", r"\bfoer k", r"\bfore km\b", r"\bprzed$", r"\bennen\b", r"\bno c\b", r"\bnonc\b",
        r"\bdo kv\b", r"\bfor k\b", r"\bvor$", r"\bantes\b", r"ei ?mae\b", r"mengpian",
        r"\bsspc\b", r"\bdo kontr", r"\bnon ce\b", r"\bei ka\b", r"\bvoor (contr|km|gd)",
        r"\bprzed km\b", r"\bsc$", r"\bhors inj", r"\bspc\b", r"\bpolos\b", r"\bonces[ie]\b", r"\bonce$",
        r"\bbedoon\b",
        r"\bqabl\b", r"\bdo (ku|kontrastu)\b", r"\bbk$", r"\b(din|dyn|t1|vibe|lava|thrive) base$", r"\bping$",
        r"\bfor$", r"\bmae$",
        r"kontr[as]*t?s[iu]?z\b",
        r"\bko thuoc\b", r"\bfara (contrast|sc)", r"\bbe[sz] (kontr|ku)", r"\bprije k", r"\bpirms k",
        r"\bpries k", r"\benne k",
        r"\bbl lever\b", r"\bnce\b", r"\bnaiti?vi",
    ),
    "arterial": (
        r"arter", r"artar", r"\bart\d?\b", r"\bhap\b", r"\ba ?(phase|faz[ai]s?)\b", r"phase ap\b", r"plus c a\b(?!/)",
        r"valtimo",
        r"\bartae", r"dmq\b", r"zouei souki",
        r"\btetn", r"\btepen", r"dou*myaku", r"dongmai", r"dong mach",
        r"\blate ?art", r"\bval vaihe",
        r"spa?e?tart", r"\bearly\b", r"αρτηρ", r"art[ih]r[ih]?[ai]k",
        rf"\b(1[5-9]|[23]\d|4[0-5]) ?{SECONDS}\b",
        r"\bbh a\b", r"\bdou?ki\b", r"\bs[hy]+e?[ri]+yani\b", r"\bshiry?ani\b", r"\bsou?ki\b", r"\bfrue?h(art)?\b",
        r"\barete?ri", r"\bteteny", r"\bhepatic a\b",
    ),
    "portal": (
        r"portal", r"porto", r"portaal", r"portv\b", r"\bpor\b", r"mmq\b", r"men mai",
        rf"\b(5[5-9]|[6-9]\d|100) ?{SECONDS}\b",
        r"\b1 ?(mi?n|dk)( ?[0-3]\d)?\b",
        r"\bport\b", r"portven", r"\btps port", r"\bpv[pn]?\b", r"wrotn",
        r"\bportti(vaihe|lask|\b)", r"portafas", r"\bport[ae]\b", r"\bvp\b", r"πυλαι", r"\bpylai",
        r"\bven(?!tr|til|ogr|ez)\w*", r"\bvein", r"\bv ?(phase|faz[ai]s?)\b", r"plus c v\b", r"\bzyln", r"\bzil",
        r"\blaskimo",
        r"\bwrot", r"\bwaridi\b", r"\bbabi\b", r"\btmc\b", r"\btm cua\b", r"\bpvf\b",
        r"\bpven", r"\bbh v\b", r"monmyaku", r"jou?myaku", r"menmai", r"jingmai", r"tinh mach",
    ),
    "late": (
        r"\blate\b", r"\blaat\b", r"delay", r"verzog", r"\bd ?phase\b", r"phase dp\b", r"plus c d\b",
        r"\bdel\b(?! (h|a|b|pe|pa|r|t|c))", r"\bdp\b", r"odloz", r"καθυστερ", r"kathyster",
        r"\bspa?e?t(e|er|es)?\b", r"\bspa?e?t(phas|aufn|ven)", r"\bequi", r"\beqp?\b", r"\btard\b", r"tardi",
        r"retard", r"transition", r"\bsen(a|en|fas\w*|ven\w*)?\b", r"\bopozni", r"nierenspa?e?t", r"\bpozn",
        r"\bpozd", r"\bgec\b", r"myohais", r"excret", r"ausscheid", rf"\b(1[2-9]\d|[23]\d\d) ?{SECONDS}\b",
        r"\b[2345] ?(mi?n|fen|dk)\b", r"\b[345] ?m\b",
        r"\bguodu", r"\bf(ase)? (de )?eliminac", r"yan chi", r"overg(ang\w*)? ?fase", r"przejsc", r"otsroch",
        r"otlozh", r"heikou?", r"yanchi", r"pingheng", r"\bhilis", r"\bvelyv", r"\bvelin",
        r"\bkesoi", r"\bodgo", r"\bkasna", r"\bdel abd\b",
        r"\bbh d\b", r"\bmuon\b", r"\bdel[ya]{1,2}e?d\b", r"\bikou?\b", r"\brownow", r"\bta ?khiri\b",
        r"\bmut[a ]*khir\b",
        r"\bfase trans\b", r"\btransit\b(?! time)", r"\bkou?ki\b", r"\bravno(tez|ves)",
    ),
    "hepatobiliary": (
        r"\bgan ?dan\b", r"\bhepatosy[yi]t", r"hepatobil", r"hepato bil", r"\bhepbil",
        r"kan ?saibou", r"\bhepat (10|15|20)\b", r"\b(15|20) ?m\b",
        r"epatobil", r"hepatospe[zc]", r"hepatoesp", r"leberspez", r"leverspec",
        r"\bhpb\b", r"epatob\b", r"liver spec", r"hepatoc[iy]t", r"epatocit", r"\bhbp\b", r"\bhb\b",
        r"\b(10|15|20|25|30) ?(mi?n|fen|dk)\b",
    ),
}  # fmt: skip
AGENT = (
    r"\bpost", r"\bce\b", r"\bgd\b", r"gado", r"\bkm\b", r"contrast", r"kontrast", r"\bplus c\b", r"\bpos\b",
    r"\bmdc\b", r"\bc/c\b", r"\binj\d", r"\bzq\d", r"\bkl\b", r"zou?ei", r"zengqiang", r"\bm/ ?k\b", r"\bku\b",
    r"\bapc\b", r"sibgha", r"\bsonra", r"\bcemr\b",
)  # fmt: skip
# a dynamic examination is of contrast agent, but its first time is before it
WITH_CONTRAST = (*AGENT, r"multi ?phase", r"\bdyn", r"\bdin\b", r"\bdce\b", r"\bph ?\d", r"\bphase \d", r"dinami")
SEVERAL_TIMES = re.compile(
    r"\bmph\b|\b\d ?(phases|phasen|fasen|faser|fasi|fases|faz)\b|\b1 ?\+ ?\d\b|multi.?phase|gado|\bpost|\binj"
)
DYNAMIC = re.compile(r"dyn|\bdin\b|\bdce\b|dinam|multi ?phase")
# a series of the arterial phase may be early or late in it
LATE_ARTERIAL = re.compile(
    r"\b(late|laat|spa?e?t|tardi\w*|sen|gec|pozn\w*) ?(art|tetn)"
    r"|\bdou*myaku kou?ki|\b(art|tetn)\w* (late|laat|spa?e?t|tard|sen\b|pozd|pozn)"
)
LATE_VENOUS = re.compile(r"\b(late|spa?e?t|tardi\w*|sen|gec) ?(ven|vein)|(ven|vein)\w* (late|spa?e?t|tardi)")
MINUTES = re.compile(r"\b([2-9]|\d\d) ?(mi?n|fen|dk)\b")

# what the pictures are, the strongest statement first
CONTENTS: Mapping[str, Sequence[str]] = {
    "localizer": (
        r"localiz", r"localis", r"lokal", r"\bloc\b", r"\bscout", r"survey", r"topogram", r"surview",
        r"scanogram", r"3.?plane", r"\bplanning\b", r"\b3 ?pl\b", r"\blok\b", r"\bsurv\b", r"paikannus",
        r"\basset cal", r"\bcal(ib\w*)?\b", r"\bref\b.*\bsense\b", r"\bsense ref", r"\bspectro",
    ),
    "bolus timing": (
        r"monitoring", r"smart ?prep", r"\blocator\b", r"\btracker\b", r"sure ?start", r"bolus ?(tra|chas)",
        r"test ?bolus", r"^care ?bolus", r"^(\w+ )?bolus$", r"\bfluoro trig", r"test inj",
    ),
    "report": (
        r"key im", r"\bsaved\b",
        r"\bdos(e|is) ?(rep|info|prot)", r"patient prot", r"screen ?save", r"\bresults?\b", r"\bsummary\b",
        r"snapshot", r"^s [vs]$",
    ),
    "MIP": (
        r"\bmin?ip\b", r"\bmpr\b.*\bthick\b", r"projection",
    ),
    "volume rendering": (
        r"vrt\b", r"\bvr\b", r"volume rend",
    ),
    "subtraction": (
        r"\bs?sub\w?\d*\b", r"subtr", r"substr", r"sustr", r"soustr", r"sottraz", r"subtrak", r"\bsous\b",
        r"\bsott\b", r"vahennys", r"\baftrek", r"\bsabun", r"\bcikarma", r"odejm", r"\bdifferen[zc]",
        r"\bsottr\b", r"\bresta\b", r"\btarh\b", r"\bvych[iy]t", r"\bsoust\b", r"\bodj\b", r"\b(ph|t)\d+ (ph|t)0\b",
    ),
    "exponential ADC": (
        r"\beadc\b", r"exponential", r"\bexp adc\b",
    ),
    "ADC": (
        r"\badc", r"dadc", r"\bikd\b", r"\bapp(arent)? diff",
    ),
    "MRCP": (
        r"\bmrcp\b", r"cholangio", r"\bcpre?m\b", r"colangio",
    ),
    "DWI": (
        r"dwi", r"\bdiff", r"\bdifus", r"\bdw\b", r"ep2d", r"\bb ?=? ?\d{2,4}\b", r"resolve", r"\bzoomit\b",
        r"ivim", r"\bdvi\b", r"\bdif\b", r"\bdag\b",
    ),
    "map": (
        r"\bt2star", r"\br2star", r"\bt2 star", r"\biron\b", r"\bpdff\b", r"\bmaps?\b", r"\bmapp?[ae]\b",
        r"cartogr", r"elastogr", r"\bmre\b", r"stiffness", r"\bwave\b", r"\bz eff", r"\brho\b", r"kinetic",
        r"\bmtt\b", r"wash ?(in|out)", r"\bttp\b", r"\bpei\b", r"ktrans", r"\bcolou?r(ed|s)?\b", r"parametr",
    ),
    "fat": (
        r"^fat\b(?! ?(sat|sup))", r"dixon.*\bf\b", r"\bfat only\b",
    ),
    "opposed phase": (
        r"out ?(of ?)?phase", r"\bopp(osed)?\b", r"gegenphas", r"\boop\b", r"\bin ?/ ?out\b", r"\bdual echo",
        r"fuori fase", r"fuera de fase", r"hors phase", r"uit fase", r"motfas", r"\bip op\b", r"\bop ip\b",
        r"\bin out\b", r"\bt1w? op\b",
    ),
    "in phase": (
        r"\bin fase\b", r"\bin ?phase", r"dixon.*\bin\b", r"\bt1w? ip\b",
    ),
    "T2": (
        r"\bs?t2\w*", r"haste", r"ssfse", r"ss tse", r"\bstir\b", r"\btirm\b", r"blade", r"propeller",
        r"frfse", r"\bfse ir\b", r"\bfase[23]d\b", r"^fase$", r"\bfase\b(?= ?(t2|ax|tra|cor|sag)\b)",
    ),
    "T1": (
        r"\bt1\w*", r"vibe", r"\blava", r"thrive", r"fspgr", r"\bspgr\b", r"\bflash\b", r"\bfgre\b", r"3dfgre",
        r"vibrant", r"quick ?3d", r"fame", r"dixon", r"\bdyn", r"\bdin\b", r"twist",
    ),
}  # fmt: skip
# times of a dynamic series are T0, T1, T2 in French
TIME_2 = re.compile(r"\b(t1|vibe|lava|dyn)\b.*\b(dyn|inj|gado|post)\b.*\bt2$")
ORDER = (
    r"\b(?:s?sub\w*?|soust\w*|odj|subtr\w*|sottr\w*|resta|tarh|vych\w*|odejm\w*|su[bs]str\w*|aftrek\w*|cikarma|sabun)"
    r"[ tm]*(\d{1,2})(?:min|mn|e)?\b",
    r"\b(?:ph|phase|post?|dyn|km|pass|inj|time|gd|mdc|c)[ t]*(\d{1,2})(?:min|mn)?\b",
    r"\b(\d{1,2})(?:st|nd|rd|th|er|e)? (?:pass|post|dyn|phase|sub)", r"\bt(\d)$",
    r"\b(\d{1,2})(?: (?:dis[23]d|nd|fil|norm|repeat))?$",
)  # fmt: skip
ORDER_IN_SECONDS = re.compile(
    r"\b(?:s?sub\w*?|soust\w*|odj|subtr\w*|vych\w*|odejm\w*|sottr\w*|resta|inj|dyn|post|gado?|km)"
    r" ?(\d{2,3}) ?s(?:e[ck]\w*)?\b"
)
SHARP = (
    r"\b([bi][678]\d[a-z]?|bl[5-7]\d[a-z]?|b[rv][67]\d[a-z]?|[hq][rv][67]\d[a-z]?|fc[358]\d|y[bcd]|edge)\b",
    r"b sharp",
    r"\d ?mm [dl]$",
)
# of CT: what it was computed for
COMPUTED: Mapping[str, Sequence[str]] = {
    "attenuation correction": (
        r"\bct ?ac\b", r"\bctac\b", r"low ?dose",
    ),
    "virtual native": (
        r"\bvnc\b", r"virtual(ly)? (non|unenh|nativ)", r"\bvue\b",
    ),
    "iodine": (
        r"\biodine", r"\bjod\b", r"\biode\b", r"\byodo", r"\biodio",
    ),
    "perfusion": (
        r"\bperf\b", r"perfus", r"\bvpct\b",
    ),
    "lung": (
        r"\blun(g|ge|gen|ga)\b", r"lungen", r"pulmo", r"polmon", r"poumon", r"\blong(en)?\b", r"\bpluc",
        r"akciger", r"keuhko",
    ),
    "sharp kernel": SHARP,
    "bone": (
        r"\bbones?\b", r"knochen", r"osseu", r"\bosse[ao]", r"\bosea", r"\bhueso", r"skelet", r"\bbot\b",
    ),
}  # fmt: skip
SHARP_KERNELS: Mapping[str, Sequence[str]] = {
    "lung": (
        r"^lung",
    ),
    "bone": (
        r"^bone",
    ),
    "sharp kernel": SHARP,
}  # fmt: skip
REGIONS: Mapping[str, Sequence[str]] = {
    "head": (
        r"\bhead\b", r"\bbrain\b", r"\bskull\b", r"\bcrani", r"schadel", r"schaedel", r"\bkopf\b",
        r"\bhoofd\b", r"\bcabeza\b", r"\bcerebr", r"neurocran",
    ),
    "neck": (
        r"\bneck\b", r"\bhals\b", r"\bcollo\b", r"\bcuello\b", r"cervical",
    ),
    "chest": (
        r"\bthorax", r"\bthx\b", r"\btx\b", r"\bchest\b", r"\bthoracic", r"\btorace\b", r"\btorax\b",
        r"\bbrust(korb)?\b", r"toraks", r"klatk", r"\bpiersi", r"hrudnik", r"mellkas",
    ),
    "abdomen": (
        r"\babd", r"\badd\b", r"\bliv(er)?\b", r"\bleb(er)?\b", r"hepat", r"\bbuk\b", r"\bfoie\b", r"\bhigado",
        r"\bfeg(ato)?\b", r"\bleber",
        r"\bbauch", r"brzu[cs]", r"shangfu", r"fukubu",
         r"addome", r"oberbauch", r"\bmaga", r"\bwatrob", r"\bjatra", r"\bkaraciger",
        r"\bmaksa", r"\blever\b",
        r"\bbatin", r"\bhas\b", r"trbuh", r"\bbrich",
    ),
    "pelvis": (
        r"\bpelv", r"\bbecken", r"miednic", r"\bbacino", r"\bbassin", r"\bbekken", r"\bbacken\b", r"\blantio",
    ),
}  # fmt: skip
BODY_PARTS = {"HEAD": "head", "BRAIN": "head", "SKULL": "head", "NECK": "neck", "CSPINE": "neck"}
IMAGE_TYPES = {
    "LOCALIZER": "localizer", "SCREEN SAVE": "report", "MAXIMUM INTENSITY PROJECTION": "MIP", "PROJECTION IMAGE": "MIP",
    "MIP": "MIP", "SUBTRACT": "subtraction", "SUBTRACTION": "subtraction", "SUB": "subtraction",
    "EADC": "exponential ADC", "ADC": "ADC", "DIFFUSION": "DWI", "TRACEW": "DWI", "WASHIN": "map", "WASHOUT": "map",
    "TTP": "map", "PEI": "map", "FAT": "fat", "IN_PHASE": "in phase", "OUT_PHASE": "opposed phase",
    "OPP_PHASE": "opposed phase", "OUT_OF_PHASE": "opposed phase",
}  # fmt: skip

# where the orientation is not stated
PLANES: Mapping[str, Sequence[str]] = {
    "sagittal": (r"\bsag\w*",),
    "coronal": (r"\b[ck]or(o\w*)?\b",),
    "axial": (r"\bax(ial\w*)?\b", r"\btra(ns\w*)?\b"),
}

# "LiverArt" is two words
JOINED = re.compile(r"(?<=[a-z]{3})(?=(?:Art|Ven|Port|Delay|Late)[a-z]*\b)")


def words_of(description: str) -> str:
    """Return a description in lower case without accents, its words separated by blanks."""
    text = JOINED.sub(" ", description).lower().translate(LETTERS)
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    for pattern, word in MARKS:
        plain = pattern.sub(word, plain)
    return re.sub(r"(?:[^\w/]|_)+", " ", plain).strip()
