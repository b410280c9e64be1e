"""Words of series descriptions, as vendors, hospitals and languages write them.

Patterns are searched in what `words_of` returns: lower case, without accents, words separated by blanks.
"""

from __future__ import annotations

import re
import unicodedata

# letters that Unicode does not decompose into a letter and an accent
LETTERS = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ß": "ss"})
MARKS = (
    (re.compile(r"(?<=\d) ?(''|\"|″)"), " s "),
    (re.compile(r"(?<=\d) ?(?:'|′|`|’)"), " min "),
    (re.compile(r"(?:^|(?<=[\s_]))-c(?=[\s_]|$)|(?:^|(?<=[\s_]))c-(?=[\s_]|$)"), " native "),
    (re.compile(r"\+ ?c(?=[\s_]|$)"), " plus c "),
    (re.compile(r"t2 ?\*"), "t2star "),
    (re.compile(r"r2 ?\*"), "r2star "),
)
FAT = r"(?! ?(fs\b|fat|fett|spair|spir|stir))"  # "without fat saturation" says nothing of a contrast agent

PHASES = {
    "native": (
        r"nativ|natyw|\bnat\b|unenh|(non|pre) ?-?(contr|enh|km\b|gd\b|gado|kontr)|\bnon ?con\b"
        rf"|(?<!w/)(?<!with )(?<!w )\bw/?o\b(?! ?(w|and|und|/)\b){FAT}|\bwithout\b{FAT}|\bs/ ?c"
        rf"|\b(ohne|sans|sin|sem|senza|zonder|utan|uten|uden|ilman|bez)\b{FAT}"
        r"|\b(nc|ncct|ncect|pre|plain|blanco|blanko|diretta|basale|basal|kontrastsiz)\b"
    ),
    "arterial": (r"arter|\bart\d?\b|\bhap\b|\ba phase\b|valtimo|tetnic|\b(1[58]|2[05]|3[05]) ?s(ec|ek)?\b"),
    "portal": (
        r"portal|porto|portaal|\bport ven|\bpv[pn]?\b|wrotn|porttilaskimo"
        r"|\bven(?!tr|til|ogr|ez)\w*|\bvein|\bv phase\b|\b([678]0|65|75) ?s(ec|ek)?\b"
    ),
    "late": (
        r"\blate\b|delay|\bdel\b(?= ?\d|$| ph)|\bspa?e?t(e|er|es)?\b|\bspa?e?t(phas|aufn|ven)|equilib|tardi|retard"
        r"|transition|\bsen(a|en)?\b|nierenspa?e?t|\bpozn|\bpozd|\bgec\b|myohais|excret|ausscheid"
        r"|\b(120|180|240|300) ?s(ec|ek)?\b|\b[2345] ?min\b"
    ),
    "hepatobiliary": (
        r"hepatobil|hepato bil|epatobil|hepatospe[zc]|leberspez|liver spec|hepatoc[iy]t|epatocit|\bhbp\b|\bhb\b"
        r"|\b(10|15|20|25|30) ?min\b"
    ),
}
WITH_CONTRAST = r"\bpost|\bdyn|\bdce\b|\bph ?\d|\bphase \d|\bce\b|\bgd\b|gado|\bkm\b|contrast|kontrast|\bplus c\b"
# a series of the arterial phase may be early or late in it
LATE_ARTERIAL = re.compile(r"\b(late|spa?e?t|tardi\w*) ?arter|arter\w* (late|spa?e?t|tardi)")
LATE_VENOUS = re.compile(r"\b(late|spa?e?t|tardi\w*|sen) ?(ven|vein)|(ven|vein)\w* (late|spa?e?t|tardi)")
MINUTES = re.compile(r"\b\d{1,2} ?min\b")

# what the pictures are, the strongest statement first
CONTENTS = {
    "localizer": r"localiz|localis|lokal|\bloc\b|\bscout|survey|topogram|surview|scanogram|3.?plane|\bplanning\b",
    "bolus timing": (r"monitoring|smart ?prep|\blocator\b|\btracker\b|sure ?start|bolus|\bfluoro trig|test inj"),
    "report": r"\bdos(e|is) ?(rep|info|prot)|patient prot|screen ?save|\bresults?\b|\bsummary\b",
    "MIP": r"\bmin?ip\b|\bmpr\b.*\bthick\b|projection",
    "volume rendering": r"\bvrt?\b|volume rend",
    "subtraction": r"\bsub\w?\d*\b|subtr|substr|soustr|sottraz|subtrak",
    "exponential ADC": r"\beadc\b|exponential|\bexp adc\b",
    "ADC": r"\badc\b|dadc|apparent diff",
    "MRCP": r"\bmrcp\b|cholangio|\bcpre?m\b|colangio",
    "DWI": r"dwi|\bdiff|\bdifus|\bdw\b|ep2d|\bb ?=? ?\d{2,4}\b|resolve|\bzoomit\b|ivim",
    "map": (
        r"\bt2star|\br2star|\bt2 star|\biron\b|\bpdff\b|\bmaps?\b|\bmapp?[ae]\b|cartogr|elastogr|\bmre\b|stiffness"
        r"|\bwave\b|wash ?(in|out)|\bttp\b|\bpei\b|ktrans|colou?r|parametr"
    ),
    "fat": r"^fat\b(?! ?(sat|sup))|dixon.*\bf\b|\bfat only\b",
    "opposed phase": r"out ?(of ?)?phase|\bopp(osed)?\b|gegenphas|\boop\b|\bin ?/ ?out\b|\bdual echo",
    "in phase": r"\bin ?phase|dixon.*\bin\b",
    "T2": (
        r"\bs?t2\w*|haste|ssfse|ss tse|\bstir\b|\btirm\b|blade|propeller|frfse"
        r"|\bfase[23]d\b|\bfase\b(?= ?(t2|ax|tra|cor|sag|$))"
    ),
    "T1": (
        r"\bt1\w*|vibe|\blava|thrive|fspgr|\bspgr\b|\bflash\b|\bfgre\b|3dfgre|vibrant|quick ?3d|fame|dixon|\bdyn|twist"
    ),
}
COMPUTED = {  # of CT: what it was computed for
    "virtual native": r"\bvnc\b|virtual(ly)? (non|unenh|nativ)|\bvue\b",
    "iodine": r"\biodine|\bjod\b|\biode\b|\byodo|\biodio",
    "perfusion": r"perfus|\bvpct\b",
    "lung": r"\blun(g|ge|gen|ga)\b|lungen|pulmo|polmon|poumon|\blong(en)?\b|\bpluc|akciger|keuhko",
    "bone": r"\bbones?\b|knochen|osseu|\bosse[ao]|\bosea|\bhueso|skelet|\bbot\b",
}
SHARP_KERNELS = {"lung": r"^lung", "bone": r"^bone"}
REGIONS = {
    "head": r"\bhead\b|\bbrain\b|\bskull\b|\bcrani|schadel|schaedel|\bkopf\b|\bhoofd\b|\bcabeza\b|\bcerebr|neurocran",
    "neck": r"\bneck\b|\bhals\b|\bcollo\b|\bcuello\b|cervical",
    "chest": r"\bthorax|\bchest\b|\bthoracic|\btorace\b|\btorax\b|\bbrust(korb)?\b",
    "abdomen": (
        r"\babd|\bliver\b|\bleber|hepat|\bbuk\b|\bfoie\b|\bhigado|\bfegato|\bpelv|\bbecken|\bbauch|oberbauch|\bmaga|\bwatrob"
        r"|\bjatra|\bkaraciger|\bmaksa|\blever\b"
    ),
}
BODY_PARTS = {"HEAD": "head", "BRAIN": "head", "SKULL": "head", "NECK": "neck", "CSPINE": "neck"}
IMAGE_TYPES = {
    "LOCALIZER": "localizer", "SCREEN SAVE": "report", "MAXIMUM INTENSITY PROJECTION": "MIP", "PROJECTION IMAGE": "MIP",
    "MIP": "MIP", "SUBTRACT": "subtraction", "SUBTRACTION": "subtraction", "SUB": "subtraction",
    "EADC": "exponential ADC", "ADC": "ADC", "DIFFUSION": "DWI", "TRACEW": "DWI", "WASHIN": "map", "WASHOUT": "map",
    "TTP": "map", "PEI": "map", "FAT": "fat", "IN_PHASE": "in phase", "OUT_PHASE": "opposed phase",
    "OPP_PHASE": "opposed phase", "OUT_OF_PHASE": "opposed phase",
}  # fmt: skip

VIEWS = {
    "CC": r"\bX?CC[LMD]?\b|cranio.?caudal",
    "MLO": r"\bMLO\b|medio.?lateral.{0,3}obl",
    "ML": r"\bML\b|medio.?lateral",
}
VIEW = r"(X?CC[LMD]?|MLO|ML|cranio.?caudal|medio.?lateral(?:.{0,3}obl\w*)?)"
SIDE_AND_VIEW = re.compile(rf"\b([LR])T? ?[-_]? ?{VIEW}\b", re.IGNORECASE)
VIEW_AND_SIDE = re.compile(rf"\b{VIEW} ?[-_]? ?([LR])T?\b", re.IGNORECASE)
SIDES = {
    "L": r"\b(left|links?|gauche|izq\w*|esq\w*|sinistra|sx|lt)\b",
    "R": r"\b(right|rechts?|droite?|der(echa)?|direita|destra|dx|rt)\b",
}
SPECIAL_VIEWS = {
    "specimen": r"specimen|surgical|praparat|preparat",
    "biopsy": r"biops|stereo(?!s)|scout|drahtmark|wire|\bneedle|\bnadel|locali[sz]|repere|\barpon",
    "magnification": r"\bmag\b|magn|vergr|lupe|agrand|ingrand|ampli(a|f)|zoom|forstor|forstorr|powiek",
    "spot": r"\bspot|\bcone|cone ?down|focal|compresion loc|compression loc|\bzielaufn|zielkompr|localizada",
    "exaggerated": r"\bx ?cc[lm]?\b|exagg|ausgedehnt|\bcleavage|\bcleo\b|\bcv\b|axillary tail|\bat\b",
    "implant displaced": r"implant|eklund|\b(cc|mlo|ml)id\b|\bid\b|displaced",
}


def words_of(description: str) -> str:
    """Return a description in lower case without accents, its words separated by blanks."""
    text = description.lower().translate(LETTERS)
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    for pattern, word in MARKS:
        plain = pattern.sub(word, plain)
    return re.sub(r"[^\w/]+|_+", " ", plain).strip()
