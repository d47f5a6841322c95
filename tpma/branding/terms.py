"""Words a partner's text may not use, by language: seed data, to be confirmed by counsel.

Each is written without accents and in lower case, as texts are compared. `unless` lists longer
phrases in which the word is harmless.
"""

from dataclasses import dataclass

from tpma.branding.findings import Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Term:
    text: str
    severity: Severity
    unless: tuple[str, ...] = ()


TERMS: dict[str, tuple[Term, ...]] = {
    "en": (
        Term("guarantee", ERROR, ("money-back guarantee",)),
        Term("guaranteed", ERROR),
        Term("risk-free", ERROR),
        Term("unhackable", ERROR),
        Term("100% secure", ERROR),
        Term("act now", ERROR),
        Term("best", WARNING, ("best practice", "best practices", "best regards", "best wishes")),
        Term("free", WARNING, ("feel free", "free of charge until", "toll-free")),
        Term("market leader", WARNING),
        Term("cheapest", WARNING),
    ),
    "de": (
        Term("garantie", ERROR),
        Term("garantiert", ERROR),
        Term("risikofrei", ERROR),
        Term("unhackbar", ERROR),
        Term("100% sicher", ERROR),
        Term("beste", WARNING, ("beste grusse",)),
        Term("besten", WARNING, ("am besten",)),
        Term("kostenlos", WARNING),
        Term("marktfuhrer", WARNING),
        Term("gunstigste", WARNING),
    ),
    "es": (
        Term("garantia", ERROR),
        Term("garantizado", ERROR),
        Term("garantizada", ERROR),
        Term("sin riesgo", ERROR),
        Term("el mejor", WARNING),
        Term("la mejor", WARNING),
        Term("gratis", WARNING),
    ),
    "fr": (
        Term("garanti", ERROR),
        Term("garantie", ERROR),
        Term("sans risque", ERROR),
        Term("le meilleur", WARNING),
        Term("la meilleure", WARNING),
        Term("gratuit", WARNING),
    ),
    "pt": (
        Term("garantia", ERROR),
        Term("garantido", ERROR),
        Term("sem risco", ERROR),
        Term("o melhor", WARNING),
        Term("gratis", WARNING),
    ),
    "ja": (
        Term("絶対", ERROR),
        Term("完全保証", ERROR),
        Term("100%安全", ERROR),
        Term("日本一", WARNING),
        Term("最高", WARNING),
        Term("無料", WARNING),
    ),
    "ar": (
        Term("مضمون", ERROR),
        Term("مضمونة", ERROR),
        Term("ضمان", ERROR),
        Term("بلا مخاطر", ERROR),
        Term("الافضل", WARNING),
        Term("مجانا", WARNING),
        Term("مجاني", WARNING),
    ),
}
