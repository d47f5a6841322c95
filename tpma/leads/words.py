"""The confirmation that a double opt-in asks for, in the language of the form.

It advertises nothing: courts read that as a mail sent without consent. Like the words of
`tpma.rendering.page_texts`, it does not stand in the catalogs of the interface.
"""

from tpma.rendering.page_texts import language_of

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "subject": "Confirm that %(partner)s may write to you",
        "body": "You ticked this box on a page of %(partner)s:\n\n%(text)s\n\nConfirm it here "
        "within seven days:\n%(link)s\n\nIf it was not you, do nothing: you will not be "
        "written to.",
        "ask_title": "May %(partner)s write to you?",
        "button": "Yes, write to me",
        "done_title": "Confirmed",
        "done_text": "%(partner)s may write to you now. You can stop that at any time through the "
        "link in every mail.",
        "late_title": "This question is no longer open",
        "late_text": "It was open for seven days, or you took it back since. Fill in the form of "
        "%(partner)s again if you wish.",
        "sheet": "Open the data sheet (PDF)",
    },
    "de": {
        "subject": "Bitte bestätigen: %(partner)s darf Ihnen schreiben",
        "body": "Sie haben auf einer Seite von %(partner)s dieses Feld angekreuzt:\n\n%(text)s\n\n"
        "Bestätigen Sie es hier innerhalb von sieben Tagen:\n%(link)s\n\nWaren Sie es nicht, tun "
        "Sie nichts: Dann wird Ihnen nicht geschrieben.",
        "ask_title": "Darf %(partner)s Ihnen schreiben?",
        "button": "Ja, schreiben Sie mir",
        "done_title": "Bestätigt",
        "done_text": "%(partner)s darf Ihnen nun schreiben. Über den Link in jeder E-Mail können "
        "Sie das jederzeit beenden.",
        "late_title": "Diese Frage ist nicht mehr offen",
        "late_text": "Sie war sieben Tage offen, oder Sie haben sie inzwischen zurückgenommen. "
        "Füllen Sie das Formular von %(partner)s noch einmal aus, wenn Sie möchten.",
        "sheet": "Datenblatt öffnen (PDF)",
    },
    "ja": {
        "subject": "%(partner)sからのメール受信をご確認ください",
        "body": "%(partner)sのページで次の項目にチェックが入りました。\n\n%(text)s\n\n"
        "7日以内にこちらからご確認ください。\n%(link)s\n\n"
        "お心当たりがない場合は、何もする必要はありません。メールは送信されません。",
        "ask_title": "%(partner)sからメールをお送りしてもよいですか",
        "button": "受け取る",
        "done_title": "確認しました",
        "done_text": "%(partner)sからメールをお送りします。"
        "各メールのリンクからいつでも停止できます。",
        "late_title": "この確認は終了しました",
        "late_text": "7日が経過したか、その後取り消されています。ご希望の場合は%(partner)sの"
        "フォームから再度お申し込みください。",
        "sheet": "資料を開く（PDF）",
    },
    "ar": {
        "subject": "أكّدوا أن بإمكان %(partner)s مراسلتكم",
        "body": "حددتم هذا المربع في صفحة %(partner)s:\n\n%(text)s\n\nأكّدوا ذلك هنا خلال سبعة "
        "أيام:\n%(link)s\n\nإن لم تكونوا أنتم فلا تفعلوا شيئًا، ولن تصلكم رسائل.",
        "ask_title": "هل يمكن أن تراسلكم %(partner)s؟",
        "button": "نعم، راسلوني",
        "done_title": "تم التأكيد",
        "done_text": "يمكن الآن أن تراسلكم %(partner)s. ويمكنكم إيقاف ذلك في أي وقت عبر الرابط "
        "الموجود في كل رسالة.",
        "late_title": "لم يعد هذا السؤال مفتوحًا",
        "late_text": "ظل مفتوحًا سبعة أيام، أو تراجعتم عنه بعد ذلك. املؤوا نموذج %(partner)s من "
        "جديد إن رغبتم.",
        "sheet": "فتح ورقة البيانات (PDF)",
    },
}


def said(tag: str, key: str, **values: str) -> str:
    text = WORDS.get(language_of(tag).split("-")[0], WORDS["en"])[key]
    return text % values if values else text
