"""Words of headers in many languages: how a header becomes words, and what they mean."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from otolith.importing.naming.units import split_header

SENSOR_WORDS = {
    "acc": ("acc", "accel", "accelerometer", "acceleration", "a", "accelerometers", "totalacceleration", "totalacc",
            "bodyacc", "accelerations", "acce", "ac", "accl", "acceler", "accelero", "xl", "gf", "gforce",
            "beschleunigung", "beschleunigungssensor", "beschl", "besch", "beschleunig", "accelerometre",
            "aceleracion", "acelerometro", "acel", "aceler", "accelerazione", "accelerometro", "aceleracao",
            "versnelling", "versnellingsmeter", "acceleratie", "akselerasjon", "akselerometer", "kiihtyvyys",
            "przyspieszenie", "akcelerometr", "ivme", "ivmeolcer", "zrychleni", "ускорение", "акселерометр",
            "加速度", "加速度计", "加速度計", "加速计", "加速計", "加速度传感器", "加速度感測器", "加速度センサ",
            "加速度センサー", "가속도", "가속도계", "가속도센서"),
    "gyro": ("gyro", "gyr", "gyroscope", "w", "omega", "rotation", "rotationrate", "rot", "angularvelocity", "angvel",
             "angularrate", "gyroscopes", "gyros", "gyroscop", "gy", "av", "rotrate", "rotationspeed", "angularspeed",
             "winkelgeschwindigkeit", "winkelgeschw", "drehrate", "drehgeschwindigkeit", "gyroskop",
             "vitesseangulaire", "gyrometre", "giroscopio", "giro", "giroscopo", "velocidadangular",
             "velocitaangolare", "velocidadeangular", "hoeksnelheid", "vinkelhastighet", "vinkelhastighed",
             "kulmanopeus", "gyroskooppi", "zyroskop", "predkosckatowa", "jiroskop", "acisalhiz", "гироскоп",
             "угловаяскорость", "角速度", "陀螺仪", "陀螺儀", "陀螺", "ジャイロ", "ジャイロスコープ",
             "ジャイロセンサ", "자이로", "자이로스코프", "각속도"),
}  # fmt: skip
LONG_WORDS = {kind: {word for word in words if len(word) > 2} for kind, words in SENSOR_WORDS.items()}
"""Words that mean a sensor when they stand among others, too."""
LINEAR_WORDS = frozenset((
    "linear", "lin", "user", "linacc", "useracceleration", "linearacceleration", "linearacc", "useracc",
    "lineare", "linearer", "lineaire", "lineal", "nogravity", "liniowe", "линейное", "线性", "線性", "线性加速度",
    "線性加速度", "線形加速度", "直線加速度", "선형가속도", "선형",
))  # fmt: skip
GRAVITY_WORDS = frozenset((
    "gravity", "grav", "gravitation", "schwerkraft", "gravite", "gravedad", "gravita", "gravidade", "zwaartekracht",
    "grawitacja", "гравитация", "重力", "重力加速度", "중력",
))  # fmt: skip
PLACES = frozenset((
    "hand", "wrist", "arm", "forearm", "lowerarm", "upperarm", "elbow", "shoulder", "ankle", "leg", "thigh",
    "shin", "shank", "calf", "tibia", "femur", "knee", "foot", "feet", "shoe", "heel", "toe", "waist", "hip",
    "pelvis", "belt", "chest", "back", "lowback", "lowerback", "upperback", "trunk", "torso", "sternum",
    "spine", "lumbar", "sacrum", "l3", "l4", "l5", "head", "forehead", "ear", "neck", "pocket", "trousers",
    "bag", "left", "right", "l", "r", "lw", "rw", "la", "ra", "ll", "rl", "lf", "rf", "lh", "rh", "upper",
    "lower", "front", "rear", "dominant", "nondominant", "phone", "smartphone", "watch", "smartwatch", "band",
    "handgelenk", "knochel", "knoechel", "hufte", "huefte", "brust", "oberschenkel", "rucken", "ruecken", "links",
    "rechts", "poignet", "cheville", "hanche", "poitrine", "cuisse", "dos", "gauche", "droite", "muneca", "tobillo",
    "cadera", "pecho", "muslo", "espalda", "izquierda", "derecha", "polso", "caviglia", "anca", "petto", "coscia",
    "schiena", "sinistra", "destra", "wristband", "bracelet", "ring", "glasses", "earbud", "earbuds", "headset", "tag",
    "t",
))  # fmt: skip
"""Words for a place on the body or for a device, which make an accelerometer of bare x, y and z."""
TIME_WORDS = frozenset((
    "zeit", "zeitstempel", "uhrzeit", "temps", "horodatage", "tiempo", "tempo", "tijd", "tijdstempel", "tid",
    "tidpunkt", "tidsstempel", "czas", "aika", "zaman", "cas", "marcadetiempo", "время", "时间", "時間", "时刻",
    "時刻", "时间戳", "時間戳", "タイムスタンプ", "시간", "타임스탬프",
))  # fmt: skip
"""Words for the time in other languages than English."""
LABEL_WORDS = (
    "activity", "label", "labels", "class", "activity label", "activity name", "annotation", "target", "gt",
    "ground truth", "groundtruth", "activities", "annotations", "activity id", "activity code", "activity type",
    "activity class", "label name", "true label", "class label", "class name", "behaviour", "behavior", "posture",
    "task", "exercise", "movement", "motion type", "activity annotation", "aktivitat", "aktivitaet", "tatigkeit",
    "taetigkeit", "klasse", "bewegung", "bewegungsart", "ubung", "activite", "etiquette", "classe", "actividad",
    "etiqueta", "clase", "movimiento", "attivita", "etichetta", "movimento", "atividade", "rotulo", "activiteit",
    "aktivitet", "etikett", "aktiviteetti", "toiminta", "aktywnosc", "czynnosc", "etykieta", "aktivite", "etiket",
    "aktivita", "активность", "деятельность", "действие", "метка", "活动", "活動", "动作", "動作", "行为", "行為",
    "行動", "标签", "標籤", "类别", "類別", "ラベル", "활동", "행동", "라벨",
)  # fmt: skip
"""Names of columns of activities, the likeliest first."""
SUBJECT_WORDS = (
    "subject", "subject id", "subjectid", "participant", "participant id", "user", "user id", "userid", "person",
    "person id", "volunteer", "volunteer id", "pid", "proband", "proband id", "versuchsperson", "teilnehmer",
    "participante", "sujeto", "usuario", "sujet", "utilisateur", "soggetto", "partecipante", "utente", "sujeito",
    "usuario id", "deelnemer", "proefpersoon", "deltagare", "forsoksperson", "deltaker", "deltager", "osoba",
    "uczestnik", "участник", "испытуемый", "被试", "受试者", "受試者", "用户", "用戶", "被験者", "参加者", "피험자",
    "참가자",
)  # fmt: skip
_FAR = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_GREEK = {"α": " alpha ", "β": " beta ", "γ": " gamma ", "ω": " omega ", "μ": "u"}
_SIDES = re.compile(rf"(?<=[{_FAR}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[{_FAR}])")
_UNSPACED = re.compile(
    "|".join(
        sorted(
            (
                word
                for words in (*SENSOR_WORDS.values(), LINEAR_WORDS, GRAVITY_WORDS, TIME_WORDS)
                for word in words
                if re.match(rf"[{_FAR}]", word)
            ),
            key=len,
            reverse=True,
        )
    )
)
"""Words of scripts without blanks between words."""
_AXIS = re.compile("[轴軸축]|方向|成分")


KNOWN = 1024
"""Headers whose meaning is kept in mind: each file of a folder asks for the same ones many times."""


@lru_cache(maxsize=KNOWN)
def words_of(header: str) -> str:
    """Return a header in lower-case words without its unit and without accents.

    >>> words_of("rotationRate.x"), words_of("Acc_X [g]"), words_of("gFx"), words_of("Accélération x (m/s²)")
    ('rotation rate x', 'acc x', 'g fx', 'acceleration x')
    >>> words_of("X轴加速度(m/s²)"), words_of("ωz")
    ('x 加速度', 'omega z')
    """
    name, _ = split_header(header)
    name = unaccented(name)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    if not name.isascii():
        name = _UNSPACED.sub(lambda match: f" {match[0]} ", _AXIS.sub(" ", _SIDES.sub(" ", name)))
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


def unaccented(text: str) -> str:
    """Return a text without accents; letters of other scripts than Latin stay as they are.

    >>> unaccented("Übergang"), unaccented("ガ")
    ('Ubergang', 'ガ')
    """
    return text if text.isascii() else "".join(map(_plain, unicodedata.normalize("NFKC", text)))


def _plain(letter: str) -> str:
    if letter in _GREEK:
        return _GREEK[letter]
    apart = unicodedata.normalize("NFKD", letter)
    if apart[0] >= "\u0250":
        return letter
    return "".join(each for each in apart if not unicodedata.combining(each))
