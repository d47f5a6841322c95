"""What the pages around a form say in the language of the page; the rest is in
`tpma.rendering.page_texts`, and so is the reason why none of it stands in the catalogs."""

from tpma.rendering.page_texts import language_of

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "again": "This page was open for long, or was changed on its way. What you entered is "
        "still here: check it and send it once more.",
        "large_title": "This is more than the form can take",
        "large_text": "Nothing was sent. Go back and shorten your answers.",
        "often_title": "Too many tries in a short time",
        "often_text": "Nothing was sent. Wait a minute, go back and send the form again.",
    },
    "de": {
        "again": "Diese Seite war lange geöffnet oder wurde unterwegs verändert. Ihre Angaben sind "
        "noch da: prüfen Sie sie und senden Sie sie noch einmal.",
        "large_title": "Das ist mehr, als das Formular aufnehmen kann",
        "large_text": "Es wurde nichts gesendet. Gehen Sie zurück und kürzen Sie Ihre Angaben.",
        "often_title": "Zu viele Versuche in kurzer Zeit",
        "often_text": "Es wurde nichts gesendet. Warten Sie eine Minute, gehen Sie zurück und "
        "senden Sie das Formular noch einmal.",
    },
    "ja": {
        "again": "ページを開いてから時間が経過したか、内容が途中で変更されました。"
        "入力内容は残っています。ご確認のうえ、もう一度送信してください。",
        "large_title": "入力内容がフォームの上限を超えています",
        "large_text": "送信されていません。前の画面に戻り、内容を短くしてください。",
        "often_title": "短時間に何度も送信されました",
        "often_text": "送信されていません。1分ほど待ってから前の画面に戻り、"
        "もう一度送信してください。",
    },
    "ar": {
        "again": "ظلت هذه الصفحة مفتوحة مدة طويلة أو تغيّرت في الطريق. ما أدخلتموه لا يزال هنا: "
        "راجعوه وأرسلوه مرة أخرى.",
        "large_title": "هذا أكثر مما يتسع له النموذج",
        "large_text": "لم يُرسل شيء. عودوا إلى الصفحة السابقة واختصروا إجاباتكم.",
        "often_title": "محاولات كثيرة في وقت قصير",
        "often_text": "لم يُرسل شيء. انتظروا دقيقة ثم عودوا وأرسلوا النموذج من جديد.",
    },
}


def said(tag: str, key: str) -> str:
    return WORDS.get(language_of(tag).split("-")[0], WORDS["en"])[key]
