"""The platform's own words on pages that readers see, by the language of the page.

The reader's language decides, not that of whoever is signed in, so they do not stand in the
catalogs of the interface. German as in design, section 6: Sie, short; Japanese: です・ます.
"""

from collections.abc import Mapping

from tpma.localization.rules import PSEUDO, pseudo

# What can be wrong with an answer; `form.faults` returns these keys.
REQUIRED = "required"
EMAIL = "email"
EMAIL_ENDING = "email_ending"
PHONE = "phone"
CHOICE = "choice"
TOO_LONG = "too_long"

_ENGLISH = {
    "with": "in partnership with",
    "optional": "optional",
    "choose": "Choose",
    "leave_empty": "Leave empty",
    "consents": "The boxes are your choice; we answer your request either way.",
    "consent": "The box is your choice; we answer your request either way.",
    "look_again": "Something is missing. Look at the marked fields.",
    "privacy": "Privacy",
    "preferences": "Choose what you receive",
    "answers": "answers your questions",
    REQUIRED: "Fill this in.",
    EMAIL: "Enter an e-mail address, for example name@harborpoint.example.",
    EMAIL_ENDING: "Add the ending, for example harborpoint.example.",
    PHONE: "Enter a telephone number, for example +49 221 5550100.",
    CHOICE: "Choose one of the entries.",
    TOO_LONG: "This is too long. Shorten it.",
    "closed_title": "This offer has ended",
    "closed_text": "You can still write to %(partner)s: %(contact)s",
    "unsubscribe_title": "Receive no more mail from %(partner)s?",
    "unsubscribe_text": "For %(address)s. No sign-in needed. Nothing changes until you press "
    "the button.",
    "unsubscribe": "Stop all mail from %(partner)s",
    "unsubscribed_title": "You receive no more mail from %(partner)s",
    "unsubscribed_text": "This holds for every campaign of %(partner)s. Mails about a booking "
    "you made still reach you.",
    "resubscribe": "That was a mistake, write to me again",
    "preferences_title": "What may we send you?",
    "preferences_text": "For %(address)s. No sign-in needed. Nothing changes until you press a "
    "button.",
    "language": "Language of the mails",
    "about_vendor": "News, offers and invitations about products of %(vendor)s",
    "save": "Save my choice",
    "stop": "Stop everything",
    "stop_text": "“%(stop)s” works within one minute and covers every campaign of "
    "%(partner)s. Mails about a booking you made still reach you.",
    "saved": "Your choice is saved.",
    "not_found_title": "This link does not lead anywhere",
    "not_found_text": "It may have been cut off in the mail. Open it again from there.",
}

_GERMAN = {
    "with": "in Partnerschaft mit",
    "optional": "freiwillig",
    "choose": "Bitte wählen",
    "leave_empty": "Leer lassen",
    "consents": "Beide Felder sind freiwillig; wir antworten Ihnen in jedem Fall.",
    "consent": "Das Feld ist freiwillig; wir antworten Ihnen in jedem Fall.",
    "look_again": "Es fehlt noch etwas. Sehen Sie sich die markierten Felder an.",
    "privacy": "Datenschutz",
    "preferences": "Auswählen, was Sie erhalten",
    "answers": "beantwortet Ihre Fragen",
    REQUIRED: "Hier fehlt eine Angabe.",
    EMAIL: "Geben Sie eine E-Mail-Adresse ein, zum Beispiel name@harborpoint.example.",
    EMAIL_ENDING: "Die Endung fehlt, zum Beispiel harborpoint.example.",
    PHONE: "Geben Sie eine Telefonnummer ein, zum Beispiel +49 221 5550100.",
    CHOICE: "Wählen Sie einen der Einträge.",
    TOO_LONG: "Das ist zu lang. Kürzen Sie die Angabe.",
    "closed_title": "Dieses Angebot ist beendet",
    "closed_text": "Sie erreichen %(partner)s weiterhin: %(contact)s",
    "unsubscribe_title": "Keine E-Mails mehr von %(partner)s?",
    "unsubscribe_text": "Für %(address)s. Ohne Anmeldung. Es ändert sich nichts, bis Sie auf die "
    "Schaltfläche drücken.",
    "unsubscribe": "Alle E-Mails von %(partner)s abbestellen",
    "unsubscribed_title": "Sie erhalten keine E-Mails mehr von %(partner)s",
    "unsubscribed_text": "Das gilt für alle Kampagnen von %(partner)s. E-Mails zu einer Buchung, "
    "die Sie vorgenommen haben, erreichen Sie weiterhin.",
    "resubscribe": "Das war ein Versehen, schreiben Sie mir wieder",
    "preferences_title": "Was dürfen wir Ihnen senden?",
    "preferences_text": "Für %(address)s. Ohne Anmeldung. Es ändert sich nichts, bis Sie auf eine "
    "Schaltfläche drücken.",
    "language": "Sprache der E-Mails",
    "about_vendor": "Neuigkeiten, Angebote und Einladungen zu Produkten von %(vendor)s",
    "save": "Auswahl speichern",
    "stop": "Alles abbestellen",
    "stop_text": "„%(stop)s“ wirkt binnen einer Minute und gilt für alle Kampagnen von "
    "%(partner)s. E-Mails zu einer Buchung, die Sie vorgenommen haben, erreichen Sie weiterhin.",
    "saved": "Ihre Auswahl ist gespeichert.",
    "not_found_title": "Dieser Link führt nirgendwohin",
    "not_found_text": "Vielleicht wurde er in der E-Mail abgeschnitten. Öffnen Sie ihn dort noch "
    "einmal.",
}

_JAPANESE = {
    "with": "パートナー",
    "optional": "任意",
    "choose": "選択してください",
    "leave_empty": "入力しないでください",
    "consents": "いずれも任意です。選択にかかわらず、お問い合わせにはご返答します。",
    "consent": "任意です。選択にかかわらず、お問い合わせにはご返答します。",
    "look_again": "未入力の項目があります。印のついた欄をご確認ください。",
    "privacy": "プライバシー",
    "preferences": "受信内容を選ぶ",
    "answers": "がご質問にお答えします",
    REQUIRED: "入力してください。",
    EMAIL: "メールアドレスを入力してください（例：name@harborpoint.example）。",
    EMAIL_ENDING: "末尾が不足しています（例：harborpoint.example）。",
    PHONE: "電話番号を入力してください（例：+81 3 5550 0100）。",
    CHOICE: "一覧から選択してください。",
    TOO_LONG: "長すぎます。短くしてください。",
    "closed_title": "このご案内は終了しました",
    "closed_text": "%(partner)sへのお問い合わせ：%(contact)s",
    "unsubscribe_title": "%(partner)sからのメール配信を停止しますか",
    "unsubscribe_text": "対象：%(address)s。ログインは不要です。ボタンを押すまで変更されません。",
    "unsubscribe": "%(partner)sからのメールをすべて停止する",
    "unsubscribed_title": "%(partner)sからのメール配信を停止しました",
    "unsubscribed_text": "%(partner)sのすべてのキャンペーンに適用されます。お申し込みに関する"
    "ご連絡は引き続きお送りします。",
    "resubscribe": "誤って停止したので、配信を再開する",
    "preferences_title": "何をお送りしてよいですか",
    "preferences_text": "対象：%(address)s。ログインは不要です。ボタンを押すまで変更されません。",
    "language": "メールの言語",
    "about_vendor": "%(vendor)sの製品に関するお知らせ、ご提案、ご招待",
    "save": "選択を保存する",
    "stop": "すべて停止する",
    "stop_text": "「%(stop)s」は1分以内に反映され、%(partner)sのすべてのキャンペーンに"
    "適用されます。お申し込みに関するご連絡は引き続きお送りします。",
    "saved": "選択を保存しました。",
    "not_found_title": "このリンクは無効です",
    "not_found_text": "メール内で途中で切れている可能性があります。"
    "もう一度メールから開いてください。",
}

_ARABIC = {
    "with": "بالشراكة مع",
    "optional": "اختياري",
    "choose": "اختاروا",
    "leave_empty": "اتركوا هذا الحقل فارغًا",
    "consents": "الخياران لكم؛ ونردّ على طلبكم في الحالتين.",
    "consent": "الخيار لكم؛ ونردّ على طلبكم في الحالتين.",
    "look_again": "هناك بيانات ناقصة. راجعوا الحقول المحددة.",
    "privacy": "الخصوصية",
    "preferences": "اختاروا ما يصلكم",
    "answers": "للإجابة عن أسئلتكم",
    REQUIRED: "املؤوا هذا الحقل.",
    EMAIL: "أدخلوا عنوان بريد إلكتروني، مثل name@harborpoint.example.",
    EMAIL_ENDING: "نهاية العنوان ناقصة، مثل harborpoint.example.",
    PHONE: "أدخلوا رقم هاتف، مثل ‎+971 4 555 0178.",
    CHOICE: "اختاروا أحد الخيارات.",
    TOO_LONG: "النص طويل جدًا. اختصروه.",
    "closed_title": "انتهى هذا العرض",
    "closed_text": "يمكنكم التواصل مع %(partner)s: %(contact)s",
    "unsubscribe_title": "هل تريدون إيقاف الرسائل من %(partner)s؟",
    "unsubscribe_text": "للعنوان %(address)s. لا حاجة إلى تسجيل الدخول. لا يتغير شيء قبل الضغط "
    "على الزر.",
    "unsubscribe": "إيقاف كل الرسائل من %(partner)s",
    "unsubscribed_title": "لن تصلكم رسائل أخرى من %(partner)s",
    "unsubscribed_text": "يسري ذلك على كل حملات %(partner)s. وتبقى الرسائل الخاصة بحجز أجريتموه "
    "تصلكم.",
    "resubscribe": "حدث ذلك خطأً، راسلوني من جديد",
    "preferences_title": "ماذا يمكننا أن نرسل إليكم؟",
    "preferences_text": "للعنوان %(address)s. لا حاجة إلى تسجيل الدخول. لا يتغير شيء قبل الضغط على "
    "أحد الأزرار.",
    "language": "لغة الرسائل",
    "about_vendor": "أخبار وعروض ودعوات حول منتجات %(vendor)s",
    "save": "حفظ اختياري",
    "stop": "إيقاف كل شيء",
    "stop_text": "يسري «%(stop)s» خلال دقيقة واحدة على كل حملات %(partner)s. وتبقى الرسائل الخاصة "
    "بحجز أجريتموه تصلكم.",
    "saved": "حُفظ اختياركم.",
    "not_found_title": "هذا الرابط لا يؤدي إلى أي صفحة",
    "not_found_text": "ربما انقطع في الرسالة. افتحوه منها مرة أخرى.",
}

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "ja": _JAPANESE,
    "ar": _ARABIC,
}
LANGUAGES = tuple(_TEXTS)


def say(tag: str, key: str, **values: str) -> str:
    """The text in the language of `tag`, English where the platform does not speak it."""
    if tag in PSEUDO:
        return pseudo(_ENGLISH[key] % values if values else _ENGLISH[key], tag)
    text = _TEXTS.get(tag.split("-")[0], _ENGLISH)[key]
    return text % values if values else text


def language_of(tag: str) -> str:
    """The tag, or `en` where `say` answers in English."""
    return tag if tag in PSEUDO or tag.split("-")[0] in _TEXTS else "en"
