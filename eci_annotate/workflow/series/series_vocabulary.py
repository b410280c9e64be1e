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
MARKS = (
    (re.compile(r"\) ?- ?\("), " sub "),
    (re.compile(r"(?<=[ _])(\d)-[01](?=$|[ _])"), r" sub\1 "),
    (re.compile(r"(?<=\d) ?(''|\"|″)"), " s "),
    (re.compile(r"(?<=\d) ?(?:'|′|`|’)"), " min "),
    (re.compile(r"(?:^|(?<=[\s_]))-c(?=[\s_]|$)|(?:^|(?<=[\s_]))ce?-(?=[\s_]|$)"), " native "),
    (re.compile(r"\+ ?c(?=[\s_]|$)|(?<![a-z])c\+(?=[\s_]|$)"), " plus c "),
    (re.compile(r"t2 ?\*"), "t2star "),
    (re.compile(r"r2 ?\*"), "r2star "),
)

PHASES: Mapping[str, Sequence[str]] = {
    "native": (
        r"nativ", r"natiiv", r"natyw", r"\bnat\b", r"unenh", r"(non|pre) ?-?(contr|enh|km\b|gd\b|gado|kontr)",
        r"\bnon ?con\b",
        r"(?<!w/)(?<!with )(?<!w )\bw/?o\b(?! ?(w|and|und|/)\b)(?! ?(fs\b|fat|fett|spair|spir|stir))",
        r"\bwithout\b(?! ?(fs\b|fat|fett|spair|spir|stir))", r"\bs/ ?c",
        r"\b(ohne|sans|sin|sem|senza|zonder|utan|uten|uden|ilman|bez)\b(?! ?(fs\b|fat|fett|spair|spir|stir))",
        r"\b(nc|ncct|ncect|pre|plain|blanco|blanko|diretta)\b",
        r"\b(basale|basal|kontrastsiz|k ?siz|avant|mask|maske|masque)\b",
        r"\b(av|ss) (gado|inj|iv|pdc)", r"\bo ?k ?m\b", r"\bs ?mdc\b", r"\bno (gd|gad|contr|iv)",
        r"\bfore kontr", r"\bvor (km|kontr|gd|gad)", r"χωρις", r"\b[cx]h?oris\b", r"\buenh", r"\bfor kontrast",
        r"\bprzed (k\b|kontr|podan)", r"\bpred (kontr|kl)",
        r"\bu/ ?k\b", r"\bvoor (contr|km|gd)", r"\bprzed km\b", r"\bsc$",
    ),
    "arterial": (
        r"arter", r"artar", r"\bart\d?\b", r"\bhap\b", r"\ba ?phase\b", r"phase ap\b", r"plus c a\b",
        r"valtimo", r"tetnic", r"spa?e?tart", r"\bearly\b", r"αρτηρ", r"art[ih]r[ih]?[ai]k",
        r"\b(1[58]|2[05]|3[05]) ?s(ec|ek)?\b",
        r"\bbh a\b",
    ),
    "portal": (
        r"portal", r"porto", r"portaal", r"\bport\b", r"portven", r"\btps port", r"\bpv[pn]?\b", r"wrotn",
        r"portti(vaihe|lask)", r"portafas", r"\bporte\b", r"\bvp\b", r"πυλαι", r"\bpylai",
        r"\bven(?!tr|til|ogr|ez)\w*", r"\bvein", r"\bv ?phase\b", r"plus c v\b", r"\bzyln", r"\bzil",
        r"\blaskimo", r"\b([678]0|65|75) ?s(ec|ek)?\b",
        r"\bpven", r"\bbh v\b",
    ),
    "late": (
        r"\blate\b", r"\blaat\b", r"delay", r"verzog", r"\bd ?phase\b", r"phase dp\b", r"plus c d\b",
        r"\bdel\b(?! (h|a|b|pe|pa|r|t|c))", r"\bdp\b", r"odloz", r"καθυστερ", r"kathyster",
        r"\bspa?e?t(e|er|es)?\b", r"\bspa?e?t(phas|aufn|ven)", r"\bequi", r"\beqp?\b", r"\btard\b", r"tardi",
        r"retard", r"transition", r"\bsen(a|en|fas\w*|ven\w*)?\b", r"\bopozni", r"nierenspa?e?t", r"\bpozn",
        r"\bpozd", r"\bgec\b", r"myohais", r"excret", r"ausscheid", r"\b(120|180|240|300) ?s(ec|ek)?\b",
        r"\b[2345] ?mi?n\b",
        r"\bkesoi", r"\bodgo", r"\bkasna", r"\bdel abd\b",
        r"\bbh d\b",
    ),
    "hepatobiliary": (
        r"hepatobil", r"hepato bil", r"epatobil", r"hepatospe[zc]", r"hepatoesp", r"leberspez", r"leverspec",
        r"\bhpb\b", r"epatob\b", r"liver spec", r"hepatoc[iy]t", r"epatocit", r"\bhbp\b", r"\bhb\b",
        r"\b(10|15|20|25|30) ?mi?n\b",
    ),
}  # fmt: skip
WITH_CONTRAST = (
    r"multi ?phase", r"\bpost", r"\bdyn", r"\bdce\b", r"\bph ?\d", r"\bphase \d", r"\bce\b", r"\bgd\b",
    r"gado", r"\bkm\b", r"contrast", r"kontrast", r"\bplus c\b", r"\bpos\b", r"\bmdc\b", r"dinami", r"\bc/c\b",
    r"\bkl\b",
)  # fmt: skip
# a series of the arterial phase may be early or late in it
LATE_ARTERIAL = re.compile(r"\b(late|laat|spa?e?t|tardi\w*|sen) ?art|\bart\w* (late|laat|spa?e?t|tard)")
LATE_VENOUS = re.compile(r"\b(late|spa?e?t|tardi\w*|sen) ?(ven|vein)|(ven|vein)\w* (late|spa?e?t|tardi)")
MINUTES = re.compile(r"\b\d{1,2} ?mi?n\b")

# what the pictures are, the strongest statement first
CONTENTS: Mapping[str, Sequence[str]] = {
    "localizer": (
        r"localiz", r"localis", r"lokal", r"\bloc\b", r"\bscout", r"survey", r"topogram", r"surview",
        r"scanogram", r"3.?plane", r"\bplanning\b",
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
        r"\bs?sub\w?\d*\b", r"subtr", r"substr", r"sustr", r"soustr", r"sottraz", r"subtrak",
    ),
    "exponential ADC": (
        r"\beadc\b", r"exponential", r"\bexp adc\b",
    ),
    "ADC": (
        r"\badc", r"dadc", r"\bapp(arent)? diff",
    ),
    "MRCP": (
        r"\bmrcp\b", r"cholangio", r"\bcpre?m\b", r"colangio",
    ),
    "DWI": (
        r"dwi", r"\bdiff", r"\bdifus", r"\bdw\b", r"ep2d", r"\bb ?=? ?\d{2,4}\b", r"resolve", r"\bzoomit\b",
        r"ivim",
    ),
    "map": (
        r"\bt2star", r"\br2star", r"\bt2 star", r"\biron\b", r"\bpdff\b", r"\bmaps?\b", r"\bmapp?[ae]\b",
        r"cartogr", r"elastogr", r"\bmre\b", r"stiffness", r"\bwave\b", r"\bz eff", r"\brho\b", r"kinetic",
        r"\bmtt\b", r"wash ?(in|out)", r"\bttp\b", r"\bpei\b", r"ktrans", r"colou?r", r"parametr",
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
        r"frfse", r"\bfse ir\b", r"\bfase[23]d\b", r"\bfase\b(?= ?(t2|ax|tra|cor|sag|$))",
    ),
    "T1": (
        r"\bt1\w*", r"vibe", r"\blava", r"thrive", r"fspgr", r"\bspgr\b", r"\bflash\b", r"\bfgre\b", r"3dfgre",
        r"vibrant", r"quick ?3d", r"fame", r"dixon", r"\bdyn", r"twist",
    ),
}  # fmt: skip
# times of a dynamic series are T0, T1, T2 in French
TIME_2 = re.compile(r"\b(t1|vibe|lava|dyn)\b.*\b(dyn|inj|gado|post)\b.*\bt2$")
ORDER = (
    r"\b(?:s?sub\w*?|soustr\w*|subtr\w*|sottr\w*|su[bs]str\w*)[ t]*(\d{1,2})(?:min|mn)?\b",
    r"\b(?:ph|phase|post?|dyn|km|pass|inj|time|gd|mdc|c)[ t]*(\d{1,2})(?:min|mn)?\b",
    r"\b(\d{1,2})(?:st|nd|rd|th|er|e)? (?:pass|post|dyn|phase|sub)", r"\bt(\d)$",
    r"\b(\d{1,2})(?: (?:dis[23]d|nd|fil|norm|repeat))?$",
)  # fmt: skip
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
    "sharp kernel": (
        r"\b([bi][678]\d[fsh]?|bl[5-7]\d|br[67]\d|[hq]r[67]\d|fc[358]\d|y[bcd]|edge)\b", r"b sharp",
        r"\d ?mm [dl]$",
    ),
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
    "sharp kernel": (
        r"\b([bi][678]\d[fsh]?|bl[5-7]\d|br[67]\d|[hq]r[67]\d|fc[358]\d|y[abcd]|edge)\b", r"b sharp",
        r"\d ?mm [dl]$",
    ),
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
        r"\bthorax", r"\btx\b", r"\bchest\b", r"\bthoracic", r"\btorace\b", r"\btorax\b", r"\bbrust(korb)?\b",
        r"toraks", r"klatk", r"\bpiersi", r"hrudnik", r"mellkas",
    ),
    "abdomen": (
        r"\babd", r"\bliver\b", r"\bleber", r"hepat", r"\bbuk\b", r"\bfoie\b", r"\bhigado", r"\bfegato",
        r"\bbauch", r"brzuch", r"addome", r"oberbauch", r"\bmaga", r"\bwatrob", r"\bjatra", r"\bkaraciger",
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
VIEWS: Mapping[str, Sequence[str]] = {
    "CC": (
        r"\bx?cc(l|m|d|id)?\b", r"cra?e?nio.?[ck]audal", r"crane?o.?caudal", r"krani?o.?[ck]audal",
        r"\bface\b", r"\bfront\b",
    ),
    "MLO": (
        r"\bmlo(id)?\b", r"\boml\b", r"medio.?lateral.{0,3}obl", r"\bobli[qck]", r"\bobl\b", r"\bsned\b",
        r"\bsikm", r"\bviisto", r"\bskra\b", r"\bschrag", r"\bskos",
    ),
    "ML": (
        r"\bml\b", r"medio.?lateral",
    ),
}  # fmt: skip
VIEW = r"(x?cc(?:l|m|d|id)?|mlo(?:id)?|ml|crani?e?o.?[ck]audal|medio.?lateral(?:.{0,3}obl\w*)?|obli[qck]\w*|face)"
SIDE_AND_VIEW = re.compile(rf"\b([lr])t? ?{VIEW}\b")
VIEW_AND_SIDE = re.compile(rf"\b{VIEW} ?([lr])t?\b")
SIDES: Mapping[str, Sequence[str]] = {
    "L": (
        r"\b(left|links?|li|gauche|sein g|g|izq\w*|esq\w*|sinistr[ao]|sx|lt|vanster)\b",
        r"\b(va|vasen|lewa|lewy|sol|venstre|ve|vas|gche|sn|aristera|mama i|leva)\b",
    ),
    "R": (
        r"\b(right|rechts?|re|droite?|sein d|derech[ao]|der|direit[ao]|destr[ao]|dx|rt|hoger)\b",
        r"\b(ho|oikea|prawa|prawy|sag|hoyre|hojre|prava|dte|dir|oik|dexia|mama d)\b",
    ),
}  # fmt: skip
SPECIAL_VIEWS: Mapping[str, Sequence[str]] = {
    "specimen": (
        r"specimen", r"surgical", r"\bpiece\b", r"praparat", r"preparat",
    ),
    "biopsy": (
        r"biops", r"stereo(?!s)", r"scout", r"drahtmark", r"wire", r"\bneedle", r"\bnadel", r"locali[sz]",
        r"repere", r"\barpon",
    ),
    "magnification": (
        r"\bmag\b", r"\bm ?1 ?[58]\b", r"\bm$", r"magn", r"vergr", r"lupe", r"agrand", r"\bingr",
        r"ampli(a|f)", r"zoom", r"forstor", r"forstorr", r"powiek",
        r"\bm(mlo|cc)\b",
    ),
    "spot": (
        r"\bspot", r"\bcone", r"cone ?down", r"focal", r"compresion loc", r"compression loc", r"\bzielaufn",
        r"zielkompr", r"localizada",
        r"\bs(mlo|cc)\b",
    ),
    "exaggerated": (
        r"\bx ?cc[lm]?\b", r"\bxccl", r"exag", r"ausgedehnt", r"\bcleavage", r"\bcleo\b", r"\bcv\b",
        r"axillary tail", r"\bat\b",
    ),
    "implant displaced": (
        r"implant", r"eklund", r"\b(cc|mlo|ml)id\b", r"\bid\b", r"displaced",
    ),
}  # fmt: skip


def words_of(description: str) -> str:
    """Return a description in lower case without accents, its words separated by blanks."""
    text = description.lower().translate(LETTERS)
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    for pattern, word in MARKS:
        plain = pattern.sub(word, plain)
    return re.sub(r"(?:[^\w/]|_)+", " ", plain).strip()
