"""The words of the legal footer, by the language of the mail.

They belong to the mail, not to the interface: its reader's language decides, so they do not
stand in the catalogs of the interface.
"""

from collections.abc import Iterable

# Between the lines of an address written in one line; ", " elsewhere.
_SEPARATORS = {"ar": "، ", "ja": " ", "zh": " "}


def one_line(lines: Iterable[str], tag: str) -> str:
    """The lines of an address in one, as the language of `tag` separates them."""
    return _SEPARATORS.get(tag.split("-")[0], ", ").join(filter(None, lines))


LABELS: dict[str, dict[str, str]] = {
    "en": {
        "representatives": "Represented by",
        "register_court": "Register court",
        "register_no": "Registered no.",
        "register_place": "Registered in",
        "share_capital": "Share capital",
        "vat_id": "VAT ID",
        "uid": "UID",
        "email": "E-mail",
        "phone": "Phone",
    },
    "de": {
        "representatives": "Vertreten durch",
        "register_court": "Registergericht",
        "register_no": "Registernummer",
        "register_place": "Eingetragen in",
        "share_capital": "Grundkapital",
        "vat_id": "USt-IdNr.",
        "uid": "UID",
        "email": "E-Mail",
        "phone": "Telefon",
    },
    "ja": {
        "representatives": "代表者",
        "register_court": "登記所",
        "register_no": "登録番号",
        "register_place": "登記地",
        "share_capital": "資本金",
        "vat_id": "VAT番号",
        "uid": "UID",
        "email": "メール",
        "phone": "電話",
    },
    "ar": {
        "representatives": "يمثلها",
        "register_court": "محكمة التسجيل",
        "register_no": "رقم السجل",
        "register_place": "مكان التسجيل",
        "share_capital": "رأس المال",
        "vat_id": "رقم ضريبة القيمة المضافة",
        "uid": "رقم UID",
        "email": "البريد الإلكتروني",
        "phone": "الهاتف",
    },
}

SENTENCES: dict[str, dict[str, str]] = {
    "en": {
        "advertisement": "This mail is an advertisement.",
        "why": "%(partner)s sends you this mail because it holds your address as a business "
        "contact, and is responsible for your data.",
        "role": "%(vendor)s prepared the contents. It does not learn who receives this mail, and "
        "gets your details only if you agree to it.",
        "privacy": "Privacy notice",
        "imprint": "Legal notice",
    },
    "de": {
        "advertisement": "Diese E-Mail ist Werbung.",
        "why": "%(partner)s sendet Ihnen diese E-Mail, weil Ihre Adresse dort als "
        "Geschäftskontakt geführt wird, und ist für Ihre Daten verantwortlich.",
        "role": "%(vendor)s hat die Inhalte bereitgestellt, erfährt nicht, wer diese E-Mail "
        "erhält, und bekommt Ihre Angaben nur, wenn Sie zustimmen.",
        "privacy": "Datenschutzhinweise",
        "imprint": "Impressum",
    },
    "ja": {
        "advertisement": "このメールは広告です。",
        "why": "このメールは、%(partner)sがお取引先の連絡先として登録しているアドレスに"
        "お送りしています。お客様の情報は%(partner)sが責任を持って管理します。",
        "role": "内容は%(vendor)sが作成しました。%(vendor)sが受信者を知ることはなく、"
        "お客様が同意した場合に限り情報を受け取ります。",
        "privacy": "プライバシーに関するお知らせ",
        "imprint": "会社情報",
    },
    "ar": {
        "advertisement": "هذه الرسالة إعلان.",
        "why": "تصلكم هذه الرسالة من %(partner)s لأن عنوانكم محفوظ لديها ضمن جهات الاتصال "
        "التجارية، وهي المسؤولة عن بياناتكم.",
        "role": "أعدّت %(vendor)s المحتوى، ولا تعرف من يتلقى هذه الرسالة، ولا تحصل على بياناتكم "
        "إلا بموافقتكم.",
        "privacy": "إشعار الخصوصية",
        "imprint": "البيانات القانونية",
    },
}
